"""What links subscribe to: the selection, and everything that Maya shows.

Invariant: nothing is registered in Maya for which there is no subscriber; that is settled on the
main thread, where Maya's callbacks come as well.
"""

import functools
import importlib
import time

from . import callbacks, shield
from .output import Output
from .screen import Listening

SELECTION_EVERY_S = 0.1


class Watch:
    """The subscriptions of all links. Closed on the main thread."""

    def __init__(self, links, tell, wake, hold_off):
        self._links = links  # Gives the links that are open.
        self._tell = tell  # An event, its parameters, and to which links.
        self._wake = wake
        self._hold_off = hold_off
        self._output = None
        self._listening = None
        self._callback = None
        self._told = 0.0  # When the selection was.
        self._due = None  # When it is to be told again: it has changed since.

    def settle(self):
        """Registers what there are subscribers for, and nothing else. On the main thread."""
        self._settle_output(bool(self._subscribers("output")))
        self._settle_selection(bool(self._subscribers("selection")))
        if self._due is not None and time.monotonic() >= self._due:
            self._tell_selection()

    def flush(self):
        """What was shown so far is told before anything else. On the main thread."""
        if self._output is not None:
            self._output.flush()

    def close(self):
        """Nothing is registered any more. On the main thread."""
        self._settle_output(False)
        self._settle_selection(False)

    def turn(self, now):
        """(when to come back or None, whether the main thread has something to do)."""
        output, due = self._output, self._due
        back = output.turn(now) if output is not None else None
        if due is None:
            return back, False
        if now >= due:
            return back, True
        return (due if back is None else min(back, due)), False

    def _subscribers(self, event):
        return [link for link in self._links() if event in link.events]

    def _settle_output(self, wanted):
        if wanted and self._output is None:
            self._output = Output(None, lambda: self._subscribers("output"), self._wake)
            self._listening = Listening(self._output)
        elif not wanted and self._output is not None:
            self._output = None
            self._listening.end()

    def _settle_selection(self, wanted):
        if wanted and self._callback is None:
            changed = functools.partial(self._hold_off, self._selection_changed)
            self._callback = _on_selection(shield.callback(changed))
        elif not wanted and self._callback is not None:
            (message, number), self._callback = self._callback, None
            self._due = None
            callbacks.remove(message, (number,))

    def _selection_changed(self):
        if time.monotonic() >= self._told + SELECTION_EVERY_S:
            self._tell_selection()
        elif self._due is None:
            self._due = self._told + SELECTION_EVERY_S
            self._wake()

    def _tell_selection(self):
        from . import selection

        self._due = None
        self._told = time.monotonic()
        self._tell("selection", selection.current(), self._subscribers("selection"))


def _on_selection(function):
    for name in ("maya.api.OpenMaya", "maya.OpenMaya"):
        try:
            message = importlib.import_module(name).MEventMessage
            return message, message.addEventCallback("SelectionChanged", function)
        except Exception:  # A Maya that cannot tell.
            continue
    return None
