"""A notification daemon that shows nothing.

Invariant: takes every notice, so that the sender is content. Who wants to know listens to the bus.
"""

from dbus_fast.service import ServiceInterface, dbus_method

NOTICES = "org.freedesktop.Notifications"


class NoticeTaker(ServiceInterface):
    def __init__(self):
        super().__init__(NOTICES)
        self.count = 0

    @dbus_method()
    def Notify(
        self,
        app: "s",
        replaces: "u",
        icon: "s",
        title: "s",
        body: "s",
        actions: "as",
        hints: "a{sv}",
        timeout: "i",
    ) -> "u":
        self.count += 1
        return replaces or self.count

    @dbus_method()
    def CloseNotification(self, notice: "u"):
        pass

    @dbus_method()
    def GetCapabilities(self) -> "as":
        return ["actions", "body", "persistence"]

    @dbus_method()
    def GetServerInformation(self) -> "ssss":
        return ["demo", "maya-mcp", "1.0", "1.2"]
