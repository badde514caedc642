"""Stand-ins for services of a desktop: tray icons' host, notification daemon, file browser."""

from dbus_fast import Message, MessageType, Variant

WATCHER = "org.kde.StatusNotifierWatcher"
NOTIFICATIONS = "org.freedesktop.Notifications"
FILES = "org.freedesktop.FileManager1"
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
        self.closed = []  # the titles of those that the program took back or replaced
        self.replaced = []  # the titles of those in whose place another one came
        self.open = {}  # what is on the desktop: number and title
        self.heard = lambda notice: None  # Called with each, at once.
        self._numbers = []
        self._buttons = []  # as in the message: names and words by turns
        self._bus = bus
        self._connection = bus.connect()
        self._connection.add_message_handler(self._handle)
        bus.own(self._connection, NOTIFICATIONS)

    def _handle(self, message):
        if message.message_type != MessageType.METHOD_CALL or message.interface != NOTIFICATIONS:
            return None
        if message.member == "Notify":
            _, number, _, title, body, buttons, *_ = message.body
            if number in self.open:
                self.replaced.append(self.open[number])
                self.closed.append(self.open[number])
            number = number or len(self.shown) + 1
            self.open[number] = title
            self._numbers.append(number)
            self._buttons.append(buttons)
            self.shown.append((title, body))
            self.heard({"title": title, "body": body, "buttons": buttons[1::2]})
            return Message.new_method_return(message, "u", [number])
        if message.member == "CloseNotification":
            (number,) = message.body
            self.closed.append(self.open.pop(number))
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
            [self._numbers[index], names[words]],
        )
        self._bus.send(self._connection, signal)


class Files:
    """A file browser that keeps what it was to show."""

    def __init__(self, bus):
        self.pointed_at = []  # addresses of files
        connection = bus.connect()
        connection.add_message_handler(self._handle)
        bus.own(connection, FILES)

    def _handle(self, message):
        if message.message_type != MessageType.METHOD_CALL or message.interface != FILES:
            return None
        if message.member == "ShowItems":
            self.pointed_at += message.body[0]
            return Message.new_method_return(message)
        return None
