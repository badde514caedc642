"""What one run tells of its progress, on its way to whoever asked for the run.

Invariant: whoever tells waits for nobody, and what is wrong with it is raised right there; the I/O
thread sends the latest at most every PACE_S, and finish() what is left.
"""

import collections
import math
import threading

from . import frames

PACE_S = 0.1
LONGEST_MESSAGE = 1000  # Characters.


class Reports:
    """The latest report of a job; told on any thread, sent by the I/O thread."""

    def __init__(self, job, wake):
        self._number = job.number
        self._link = job.link
        self._wake = wake
        self._latest = collections.deque(maxlen=1)
        self._is_open = True
        self._sending = threading.Lock()
        self._awake = False  # The I/O thread knows, and comes back.
        self._due = 0.0  # Not before.

    def add(self, progress, total, message):
        """Takes the place of what was told before and is not sent yet."""
        progress = _number(progress, "progress")
        if total is not None:
            total = _number(total, "total")
        if message is not None:
            message = _text(message)
        self._latest.append((progress, total, message))
        if not self._awake:
            self._awake = True
            self._wake()

    def turn(self, now):
        """Sends what is due. Gives the time to come back, or None. On the I/O thread."""
        if not self._awake:
            return None
        if now < self._due:
            return self._due
        if self._link.is_crowded:
            return None  # Nobody reads; the thread comes by when somebody has.
        if self._send():
            self._due = now + PACE_S
            return self._due
        self._awake = False
        if self._latest and self._is_open:  # Told before whoever told it could see that.
            self._awake = True
            return now
        return None

    def finish(self):
        """Sends what is left; from here on nothing is sent."""
        self._send()
        with self._sending:
            self._is_open = False

    def _send(self):
        with self._sending:
            if not (self._latest and self._is_open):
                return False
            progress, total, message = self._latest.popleft()
            told = {"id": self._number, "progress": progress, "total": total, "message": message}
            self._link.send(frames.encode({"event": "progress", "params": told}))
            return True


def _number(value, name):
    if type(value) is not float and type(value) is not int:
        value = _plain_number(value, name)
    try:
        if math.isfinite(value):
            return value
    except OverflowError:  # An integer beyond all floats.
        pass
    raise ValueError(f"report_progress(): {name} must be a finite number")


def _plain_number(value, name):
    # One of another kind, as numpy's, may have any methods; on the I/O thread none of them runs.
    if isinstance(value, float):
        return float.__add__(value, 0.0)
    if isinstance(value, int) and not isinstance(value, bool):
        return int.__add__(value, 0)
    told = type(value).__name__
    raise TypeError(f"report_progress(): {name} must be an int or a float, not {told}")


def _text(value):
    if not isinstance(value, str):
        told = type(value).__name__
        raise TypeError(f"report_progress(): message must be a str, not {told}")
    return str.__str__(value)[:LONGEST_MESSAGE]
