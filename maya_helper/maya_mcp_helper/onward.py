"""What the artist's code prints, on its way to Maya's own streams: line by line, a flood in blocks.

Invariant: on one thread only, and in order; what Maya's stream makes of it ends nobody's code.
"""

import time

SINGLY = 1000  # Lines of a run that are passed on at once, so that they stand where they belong.
TOGETHER = 64  # Later ones may wait for this many,
PACE_S = 0.001  # or for a line that comes this long after the last block.


class Onward:
    """Passes lines on to Maya's streams."""

    def __init__(self):
        self.passing = False  # Maya shows at this moment what was passed on.
        self._left = SINGLY
        self._waiting = []
        self._write = None  # Of the stream that these are for.
        self._next = 0.0  # From then on a line need not wait.

    def add(self, write, text):
        """Passes a line on, or keeps it for the next block."""
        if self._left:
            self._left -= 1
            self._pass_on(write, text)
            return
        if write is not self._write:
            self.flush()
            self._write = write
        waiting = self._waiting
        waiting.append(text)
        if len(waiting) >= TOGETHER or time.monotonic() >= self._next:
            self.flush()

    def flush(self):
        """Passes on what waits."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._pass_on(self._write, "".join(waiting))
            self._next = time.monotonic() + PACE_S

    def _pass_on(self, write, text):
        outer, self.passing = self.passing, True  # Whoever hears of it may print as well.
        try:
            write(text)
        except Exception:  # Maya's window may be gone.
            pass
        finally:
            self.passing = outer
