"""The Maya MCP helper: what the engine's link speaks to, inside Maya.

Invariant: there is at most one running helper, and connect() and stop() run on Maya's main thread.
The protocol is docs/helper-protocol.md; boot.py is the only caller.
"""

import sys

from .helper import Helper

VERSION = "0.1.0"

build = None  # The hash of this build's files, set by boot.py.
running = None  # The Helper, once connect() has started it.


def connect(secret):
    """Starts the helper if need be, tells it the secret, and says where it listens."""
    global running
    if running is None:
        running = Helper(VERSION, sys.modules[__name__])
        running.start()
    running.invite(bytes.fromhex(secret))
    return {"port": running.port, "helper": VERSION}


def stop(reason):
    """Ends the helper; nothing of it stays in Maya."""
    if running is not None:
        running.stop(reason)
