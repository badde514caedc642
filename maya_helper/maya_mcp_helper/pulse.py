"""Tells whether Maya's main thread runs, without waiting for it.

Invariant: at most one probe is under way; it ends with the next pass of the main thread.
"""

import threading
import time

LONG_MS = 1000.0  # Having told of a wait like this, we also tell of its end.


class Pulse:
    """The outstanding probe, and what was told of it."""

    def __init__(self, ring):
        self._ring = ring
        self._lock = threading.Lock()
        self._posted = None
        self._told_long = False

    def feel(self):
        """How long the probe has waited, in ms; posts one if none is under way."""
        with self._lock:
            now = time.monotonic()
            if self._posted is not None:
                waiting = round((now - self._posted) * 1000.0, 3)
                self._told_long = self._told_long or waiting >= LONG_MS
                return waiting
            self._posted = now
        self._ring()
        return 0

    def beat(self):
        """The main thread is here. True when that is news to somebody."""
        with self._lock:
            told_long = self._told_long
            self._posted = None
            self._told_long = False
            return told_long
