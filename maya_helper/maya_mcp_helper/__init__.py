"""The Maya MCP helper: what the engine's link speaks to, inside Maya.

Invariant: there is at most one running helper, and connect() and stop() run on Maya's main thread.
The protocol is docs/helper-protocol.md; boot.py is the only caller.
"""

import sys

from .helper import Helper

VERSION = "0.1.0"

build = None  # The hash of this build's files, set by boot.py.
running = None  # The Helper, once connect() has started it.


def connect(secret, host):
    """Starts the helper if need be, tells it the secret, and says where on that host it listens."""
    helper = _started()
    port = helper.listen_on(host)
    helper.invite(bytes.fromhex(secret))
    return {"port": port, "helper": VERSION}


def announce(folder):
    """Starts the helper if need be, leaves word of it in that folder, and lets it stay."""
    _started().announce(folder, build)


def announced_in():
    """The folders in which there is word of the running helper."""
    return [] if running is None else running.announced_in()


def stop(reason):
    """Ends the helper; nothing of it stays in Maya."""
    if running is not None:
        running.stop(reason)


def _started():
    global running
    if running is None:
        running = Helper(VERSION, sys.modules[__name__])
        running.start()
    return running
