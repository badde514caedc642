"""The desktop on which the tray application appears: the one that is there, or one without pixels.

Invariant: a desktop that is there is only listened to; what is made instead ends with the play.
"""

import asyncio
import os
from contextlib import asynccontextmanager
from pathlib import Path

from dbus_fast import Message, MessageType, RequestNameReply
from dbus_fast.aio import MessageBus

from .inbox import Inbox
from .notice_taker import NOTICES, NoticeTaker
from .started import started

OF_A_DESKTOP = (
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_CURRENT_DESKTOP",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_TYPE",
)


class Desktop:
    """`env` is what its programs need; `notices` fills with (title, body) of what it shows."""

    def __init__(self, words, env):
        self.words = words
        self.env = env
        self.notices = Inbox()


@asynccontextmanager
async def find_or_make(folder):
    bus = _session_bus()
    if bus and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        env = {name: os.environ[name] for name in OF_A_DESKTOP if name in os.environ}
        desktop = Desktop("your desktop", {**env, "DBUS_SESSION_BUS_ADDRESS": bus})
        async with _connected(bus) as monitor:
            await _overhear(monitor, desktop.notices)
            yield desktop
        return
    async with _screen(folder) as display, _bus(folder) as bus:
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        env = {
            "DISPLAY": display,
            "DBUS_SESSION_BUS_ADDRESS": bus,
            "XDG_RUNTIME_DIR": str(runtime),
        }
        desktop = Desktop("none here, so one without pixels (Xvfb and D-Bus)", env)
        async with _connected(bus) as taker, _connected(bus) as monitor:
            await _take_notices(taker)
            await _overhear(monitor, desktop.notices)
            yield desktop


def _session_bus():
    given = os.environ.get("DBUS_SESSION_BUS_ADDRESS")
    usual = Path(os.environ.get("XDG_RUNTIME_DIR", "/nowhere"), "bus")
    return given or (f"unix:path={usual}" if usual.is_socket() else None)


@asynccontextmanager
async def _screen(folder):
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    async with started(*command, env=dict(os.environ), log=folder / "screen.log") as process:
        yield f":{await _first_line(process, 'Xvfb')}"


@asynccontextmanager
async def _bus(folder):
    command = ["dbus-daemon", "--session", "--nofork", "--print-address=1"]
    async with started(*command, env=dict(os.environ), log=folder / "bus.log") as process:
        yield await _first_line(process, "dbus-daemon")


async def _first_line(process, name):
    line = await asyncio.wait_for(process.stdout.readline(), 20)
    if not line:
        raise RuntimeError(f"{name} ended with {await process.wait()}")
    return line.decode().strip()


@asynccontextmanager
async def _connected(address):
    bus = await MessageBus(bus_address=address).connect()
    try:
        yield bus
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()


async def _take_notices(bus):
    bus.export("/org/freedesktop/Notifications", NoticeTaker())
    reply = await bus.request_name(NOTICES)
    assert reply is RequestNameReply.PRIMARY_OWNER, reply


async def _overhear(bus, inbox):
    def heard(message):
        if message.member == "Notify" and message.interface == NOTICES:
            inbox.put((message.body[3], message.body[4]))
        # A monitor that answers a call is thrown out; this one counts as answered.
        return message.message_type is MessageType.METHOD_CALL

    bus.add_message_handler(heard)
    rule = f"type='method_call',interface='{NOTICES}',member='Notify'"
    reply = await bus.call(
        Message(
            destination="org.freedesktop.DBus",
            path="/org/freedesktop/DBus",
            interface="org.freedesktop.DBus.Monitoring",
            member="BecomeMonitor",
            signature="asu",
            body=[[rule], 0],
        )
    )
    if reply.message_type is MessageType.ERROR:
        raise RuntimeError(f"the session bus lets nobody listen: {reply.body}")
