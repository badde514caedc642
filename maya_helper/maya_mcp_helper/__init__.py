"""The Maya MCP helper: what the engine's link speaks to, inside Maya.

Invariant: there is at most one running helper, and all of these but `running` are called on Maya's
main thread. The protocol is docs/helper-protocol.md; boot.py is the only caller, and for port(),
piece() and more() the engine by a command port.
"""

import sys

from . import sources
from .helper import Helper

VERSION = "0.1.0"

build = None  # The hash of this build's files, set by boot.py.
running = None  # The Helper, once connect() has started it.
_inherited = {}


def connect(secret, host):
    """Starts the helper if need be, tells it the secret, and says where on that host it listens."""
    helper = _started()
    port = helper.listen_on(host)
    helper.invite(bytes.fromhex(secret))
    return {"port": port, "helper": VERSION}


def connect_by_port(secret):
    """The same without a port of our own: one of Maya's command ports is opened."""
    helper = _started()
    helper.invite(bytes.fromhex(secret))
    port, key = helper.open_port(bytes.fromhex(secret))
    return {"port": port, "key": key, "helper": VERSION}


def announce(folder):
    """Starts the helper if need be, leaves word of it in that folder, and lets it stay."""
    _started().announce(folder, build)


def announced_in():
    """The folders in which there is word of the running helper."""
    return [] if running is None else running.announced_in()


def heritage():
    """What a successor takes over."""
    return {"namespaces": {} if running is None else running.namespaces, "runs": sources.count()}


def inherit(heritage):
    """Takes over what a predecessor leaves. Before the helper is started."""
    _inherited.update(heritage.get("namespaces", {}))
    sources.go_on_from(heritage.get("runs", 0))


def load_all():
    """Loads what is otherwise loaded when first needed, for the files are about to go."""
    from .methods import load_all as load

    load()


def stop(reason):
    """Ends the helper; nothing of it stays in Maya."""
    if running is not None:
        running.stop(reason)


def port(key, text):
    """A request by a command port, or its last piece."""
    return _by_port("answer", key, text)


def piece(key, text):
    """A piece of a request by a command port."""
    return _by_port("piece", key, text)


def more(key):
    """The next part of an answer by a command port."""
    return _by_port("more", key)


def _by_port(what, *arguments):
    ports = running.ports if running is not None else None
    try:
        return "!" if ports is None else getattr(ports, what)(*arguments)
    except BaseException:  # A command port would run it once more.
        return "!"


def _started():
    global running
    if running is None:
        running = Helper(VERSION, sys.modules[__name__], _inherited)
        running.start()
    return running
