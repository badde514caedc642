"""The one door to Maya's main thread.

Invariant: whatever is behind the door runs on the main thread only. ring() may be called from any
thread, never waits, and is followed by at least one pass.

Which bell is used is chosen by facts. In a Maya with a window, Qt's event loop: it answers in a
fraction of a millisecond, where Maya's idle queue takes longer. Without Qt, maya.utils. In batch
nobody knows which of the two loops the owner of the main thread turns, if any, so both are rung;
a pass with nothing to do costs nothing.
"""

import importlib

from .bell import QtBell, find_qt


class Door:
    """Rings so that `enter` is called on the main thread. Made and closed there."""

    def __init__(self, enter, batch):
        self._enter = enter
        self._bells = []
        self.qt, core = find_qt()
        self._qt_bell = None
        if core is not None:
            self._qt_bell = QtBell(core, self._pass)
            self._bells.append(self._qt_bell.ring)
        deferred = _deferred() if batch or core is None else None
        if deferred is not None:
            self._bells.append(lambda: deferred(self._pass))

    def ring(self):
        """Asks for a pass of the main thread."""
        for bell in self._bells:
            try:
                bell()
            except Exception:  # Maya is on its way out.
                pass

    def close(self):
        """Takes the bells down; a ring under way finds nobody."""
        self._bells = []
        self._enter = _nobody
        bell, self._qt_bell = self._qt_bell, None
        if bell is not None:
            bell.close()

    def _pass(self):
        self._enter()


def _nobody():
    pass


def _deferred():
    try:
        return importlib.import_module("maya.utils").executeDeferred
    except Exception:
        return None
