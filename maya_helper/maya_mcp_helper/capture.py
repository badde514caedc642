"""What the artist's code prints: collected, and still passed on to Maya.

Invariant: while a job runs, sys.stdout and sys.stderr are ours; before and after, they are exactly
the objects that were there. Only what the job's own thread writes is collected.
"""

import sys
import threading

LIMIT = 4 << 20  # Characters of each stream; the first ones are kept.


class Capture:
    """Stands in for both streams between its making and restore()."""

    def __init__(self):
        self._originals = sys.stdout, sys.stderr
        self._copies = tuple(Copy(original) for original in self._originals)
        sys.stdout, sys.stderr = self._copies

    def restore(self):
        """Puts Maya's own streams back, whatever the code has put in their place."""
        sys.stdout, sys.stderr = self._originals

    def take(self):
        """(stdout, stderr, characters dropped); nothing more is collected."""
        stdout, stderr = self._copies
        return stdout.take(), stderr.take(), stdout.dropped + stderr.dropped


class Copy:
    """A stream that keeps the first LIMIT characters and passes everything on."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, original):
        self.dropped = 0
        self._original = original
        self._thread = threading.get_ident()
        self._pieces = []
        self._room = LIMIT

    def write(self, text):
        """Takes text as any Python stream does."""
        if not isinstance(text, str):
            raise TypeError("write() argument must be str, not " + type(text).__name__)
        if self._pieces is not None and threading.get_ident() == self._thread:
            self._keep(text)
        if self._original is not None:
            try:
                self._original.write(text)
            except Exception:  # Maya's window may be gone; the copy is not.
                pass
        return len(text)

    def writelines(self, lines):
        """Takes many pieces."""
        for line in lines:
            self.write(line)

    def flush(self):
        """Passes the wish on where it is understood."""
        flush = getattr(self._original, "flush", None)
        if flush is not None:
            flush()

    def writable(self):
        """Yes."""
        return True

    def isatty(self):
        """No."""
        return False

    def __getattr__(self, name):  # fileno, buffer, … : whatever Maya's stream has.
        return getattr(self._original, name)

    def take(self):
        """What was kept. From here on it only passes on, for those who held on to it."""
        text = "".join(self._pieces)
        self._pieces = None
        return text

    def _keep(self, text):
        kept = text[: self._room]
        if kept:
            self._pieces.append(kept)
            self._room -= len(kept)
        self.dropped += len(text) - len(kept)
