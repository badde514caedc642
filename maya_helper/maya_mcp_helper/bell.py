"""A bell that hangs in Qt's event loop: a socket which Qt watches.

Invariant: ring() touches nothing of Qt, so no thread but the main one ever calls into it. (PySide's
signals across threads have lost references in some of its releases, which ends Maya.)
"""

import importlib
import socket
import sys


def find_qt():
    """(name, QtCore) of Maya's own Qt binding, if an application object is there, else Nones."""
    names = ["PySide6", "PySide2"] if sys.version_info >= (3, 11) else ["PySide2", "PySide6"]
    names.sort(key=lambda name: name not in sys.modules)  # What is loaded is what Maya uses.
    for name in names:
        try:
            core = importlib.import_module(name + ".QtCore")
            if core.QCoreApplication.instance() is not None:
                return name, core
        except Exception:  # Absent, or a foreign build that does not load into this Maya.
            continue
    return None, None


class QtBell:
    """Calls `answer` from Qt's event loop after each ring; rings in between become one."""

    def __init__(self, core, answer):
        self._answer = answer
        self._outside, self._inside = socket.socketpair()
        self._outside.setblocking(False)
        self._inside.setblocking(False)
        self._notifier = _notifier(core, self._inside.fileno(), self._heard)

    def ring(self):
        """From any thread; never waits."""
        try:
            self._outside.send(b"\0")
        except BlockingIOError:
            pass  # It is ringing already.

    def close(self):
        """Takes it down. On the main thread."""
        self._notifier.setEnabled(False)
        self._notifier.deleteLater()
        self._outside.close()
        self._inside.close()

    def _heard(self):
        try:
            self._inside.recv(4096)
        except OSError:
            return  # Closed in the meantime, or somebody else's turn of the loop took the ring.
        self._answer()


def _notifier(core, descriptor, heard):
    class Notifier(core.QSocketNotifier):
        def event(self, event):
            if event.type() == core.QEvent.SockAct:
                heard()
                return True
            return super().event(event)

    return Notifier(descriptor, core.QSocketNotifier.Read)
