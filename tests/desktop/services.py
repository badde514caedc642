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
    """Keeps what was shown."""

    def __init__(self, bus):
        self.shown = []  # (title, body)
        connection = bus.connect()
        connection.add_message_handler(self._handle)
        bus.own(connection, NOTIFICATIONS)

    def _handle(self, message):
        if message.message_type != MessageType.METHOD_CALL or message.interface != NOTIFICATIONS:
            return None
        if message.member == "Notify":
            self.shown.append((message.body[3], message.body[4]))
            return Message.new_method_return(message, "u", [len(self.shown)])
        if message.member == "GetCapabilities":
            return Message.new_method_return(message, "as", [["body"]])
        if message.member == "GetServerInformation":
            return Message.new_method_return(message, "ssss", ["stand-in", "tests", "1", "1.2"])
        return None

    def titles(self):
        return [title for title, _ in self.shown]
