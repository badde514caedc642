"""Stand-ins for two services of a desktop: the host of tray icons, and the notification daemon."""

from dbus_fast import Message, MessageType, Variant

WATCHER = "org.kde.StatusNotifierWatcher"
NOTIFICATIONS = "org.freedesktop.Notifications"
PROPERTIES = "org.freedesktop.DBus.Properties"


class TrayHost:
    """Knows which programs have a tray icon."""

    def __init__(self, bus):
        self.items = []  # (connection, path)
        connection = bus.connect()
        connection.add_message_handler(self._handle)
        bus.own(connection, WATCHER)

    def _handle(self, message):
        if message.message_type != MessageType.METHOD_CALL:
            return None
        if (message.interface, message.member) == (WATCHER, "RegisterStatusNotifierItem"):
            (name,) = message.body
            path = name if name.startswith("/") else "/StatusNotifierItem"
            self.items.append((message.sender, path))
            return Message.new_method_return(message)
        if message.interface == PROPERTIES:
            known = {
                "IsStatusNotifierHostRegistered": Variant("b", True),
                "ProtocolVersion": Variant("i", 0),
                "RegisteredStatusNotifierItems": Variant("as", []),
            }
            if message.member == "GetAll":
                return Message.new_method_return(message, "a{sv}", [known])
            if message.member == "Get":
                return Message.new_method_return(message, "v", [known[message.body[1]]])
        return None


class Notices:
    """Keeps what was shown, and presses its buttons."""

    def __init__(self, bus):
        self.shown = []  # (title, body)
        self.closed = []  # the titles of those that the program took back
        self._buttons = []  # as in the message: names and words by turns
        self._bus = bus
        self._connection = bus.connect()
        self._connection.add_message_handler(self._handle)
        bus.own(self._connection, NOTIFICATIONS)

    def _handle(self, message):
        if message.message_type != MessageType.METHOD_CALL or message.interface != NOTIFICATIONS:
            return None
        if message.member == "Notify":
            self.shown.append((message.body[3], message.body[4]))
            self._buttons.append(message.body[5])
            return Message.new_method_return(message, "u", [len(self.shown)])
        if message.member == "CloseNotification":
            (number,) = message.body
            self.closed.append(self.shown[number - 1][0])
            return Message.new_method_return(message)
        if message.member == "GetCapabilities":
            return Message.new_method_return(message, "as", [["body", "body-markup", "actions"]])
        if message.member == "GetServerInformation":
            return Message.new_method_return(message, "ssss", ["stand-in", "tests", "1", "1.2"])
        return None

    def titles(self):
        return [title for title, _ in self.shown]

    def buttons(self, title):
        """What can be pressed in the notice with this title: words, and names on the bus."""
        buttons = self._buttons[self.titles().index(title)]
        return dict(zip(buttons[1::2], buttons[::2], strict=True))

    def press(self, title, words):
        """The button with these words in the notice with this title."""
        index = self.titles().index(title)
        names = self.buttons(title)
        signal = Message.new_signal(
            "/org/freedesktop/Notifications",
            NOTIFICATIONS,
            "ActionInvoked",
            "us",
            [index + 1, names[words]],
        )
        self._bus.send(self._connection, signal)
