"""A session bus of one test's own, and calls on it without async in the tests.

Invariant: nothing is started by the bus, so a test has exactly the services that it brings.
"""

import asyncio
import subprocess
import threading

from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

CONFIG = """<busconfig>
  <type>session</type>
  <listen>unix:dir={folder}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class Bus:
    def __init__(self, folder):
        config = folder / "bus.conf"
        config.write_text(CONFIG.format(folder=folder))
        self._daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            text=True,
        )
        self.address = self._daemon.stdout.readline().strip()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connections = []
        self._caller = self.connect()

    def connect(self):
        connection = self.run(self._connect())
        self._connections.append(connection)
        return connection

    async def _connect(self):
        return await MessageBus(bus_address=self.address).connect()

    def run(self, coroutine, deadline=10.0):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(deadline)

    def own(self, connection, name):
        self.run(connection.request_name(name))

    def call(self, destination, path, interface, member, signature="", *body):
        """The reply's values, without their D-Bus wrapping."""
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        reply = self.run(self._caller.call(message))
        if reply.message_type == MessageType.ERROR:
            raise LookupError(f"{member}: {reply.error_name}: {reply.body}")
        return plain(reply.body)

    def send(self, connection, message):
        async def send():
            await connection.send(message)

        self.run(send())

    def close(self):
        for connection in self._connections:
            self._loop.call_soon_threadsafe(connection.disconnect)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._daemon.kill()
        self._daemon.communicate()


def plain(value):
    if isinstance(value, Variant):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
