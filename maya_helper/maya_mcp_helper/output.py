"""What the artist's code prints: sent while it runs, and still passed on to Maya.

Invariant: nobody who prints waits for whoever reads; what nobody takes is dropped beyond LIMIT, and
counted. Pieces leave in the order in which they came.
"""

import collections
import sys
import threading

from . import frames
from .onward import Onward

LIMIT = 16 << 20  # Characters that wait at most.
CHUNK = 1 << 20  # Characters of many small pieces that travel as one.
LONG, MANY = 4096, 256  # A line that is longer, or in more pieces, does not wait for its end.
PACE_S = 0.02  # Between two sendings, so that a thousand lines cost one wake-up and not a thousand.


class Output:
    """Pieces of text on their way to links; written on one thread, sent by the I/O thread."""

    def __init__(self, number, links, wake):
        self.dropped = 0
        self.onward = Onward()
        self._number = number  # Of the request that it belongs to, or None.
        self._links = links  # Gives the links it goes to.
        self._wake = wake
        self._thread = threading.get_ident()
        self._is_open = True
        self._pieces = collections.deque()  # (stream, text)
        self._kept = 0  # Characters so far, counted by whoever writes,
        self._sent = 0  # and by whoever sends.
        self._sending = threading.Lock()
        self._awake = False  # The I/O thread knows, and comes back.
        self._due = 0.0  # Not before.

    def add(self, stream, text):
        """Keeps a piece."""
        room = LIMIT - (self._kept - self._sent)
        if len(text) > room:
            self.dropped += len(text) - room
            text = text[:room]
        if text:
            self._kept += len(text)
            self._pieces.append((stream, text))
            if not self._awake:
                self._rouse()

    def _rouse(self):
        self._awake = True
        self._wake()

    def writer(self, stream, original):
        """write() and flush() of a stream that is kept here and passed on, line by line.

        print() writes a line in several pieces, and each of them costs Maya as much as the whole:
        so a line waits for its end here, as in any terminal. These are closures and not methods,
        and do without add() mostly, for they are called several times for each line.
        """
        passed_on = getattr(original, "write", None) or _nowhere
        get_ident, mine, begun = threading.get_ident, self._thread, []
        onward = self.onward

        def write(text):
            if not isinstance(text, str):
                raise TypeError("write() argument must be str, not " + type(text).__name__)
            if get_ident() != mine or not self._is_open:
                passed_on(text)
            elif "\n" not in text and len(text) < LONG and len(begun) < MANY:
                begun.append(text)
            else:
                keep(text)
            return len(text)

        def keep(text):
            if begun:
                text = "".join(begun) + text
                begun.clear()
            kept = self._kept + len(text)
            if kept - self._sent <= LIMIT:
                self._kept = kept
                self._pieces.append((stream, text))
                if not self._awake:
                    self._rouse()
            else:
                self.add(stream, text)
            onward.add(passed_on, text)

        def flush():
            if get_ident() == mine:
                if begun:
                    keep("")
                onward.flush()

        return write, flush

    def turn(self, now):
        """Sends what is due. Gives the time to come back, or None. On the I/O thread."""
        if not self._awake:
            return None
        if now < self._due:
            return self._due
        if self._send(everything=False):
            self._due = now + PACE_S
            return self._due
        if self._pieces:
            return None  # Nobody reads; the thread comes by when somebody has.
        self._awake = False
        if self._pieces:  # Written before the writer could see that.
            self._awake = True
            return now
        return None

    def flush(self):
        """Sends all that is there."""
        self._send(everything=True)

    def finish(self):
        """Sends all that is left; nothing more is kept. Gives the number of dropped characters."""
        self._is_open = False
        self._send(everything=True)
        return self.dropped

    def _send(self, everything):
        sent = False
        with self._sending:
            while self._pieces:
                links = self._links()
                ready = links if everything else [link for link in links if not link.is_crowded]
                if links and not ready:
                    break
                stream, text = self._take()
                told = {"event": "output", "params": {"id": self._number, "stream": stream}}
                frame = frames.encode(told, frames.utf8(text))
                for link in ready:  # One of several that does not read misses it.
                    link.send(frame)
                sent = True
        return sent

    def _take(self):
        stream, text = self._pieces.popleft()
        texts, size = [text], len(text)
        while self._pieces and size < CHUNK and self._pieces[0][0] == stream:
            text = self._pieces.popleft()[1]
            texts.append(text)
            size += len(text)
        self._sent += size
        return stream, "".join(texts)


def _nowhere(_text):
    pass


class Streams:
    """sys.stdout and sys.stderr in the hands of an Output, from its making to restore()."""

    def __init__(self, output):
        self._replaced = []
        for name in ("stdout", "stderr"):
            original = getattr(sys, name)
            copy = Copy(output, name, original)
            self._replaced.append((name, original, copy))
            setattr(sys, name, copy)

    def restore(self):
        """Puts Maya's own streams back, whatever the code has put in their place.

        Others that stand in for them may come and go during a job, in an event loop which its code
        turns. Who has come stays, without us below; who has gone is not brought back.
        """
        for name, original, copy in self._replaced:
            try:
                self._put_back(name, original, copy)
            except Exception:  # The other stream is put back all the same.
                setattr(sys, name, original)
            copy.end_line()

    def _put_back(self, name, original, copy):
        present = getattr(sys, name, None)
        held = _held_in(present, copy)
        if held is not None:
            setattr(present, held, original)
        elif present is copy or _held_in(original, present) is None:
            setattr(sys, name, original)


def _held_in(stream, other):
    """The name under which a stream keeps the other one that it passes everything on to."""
    try:
        return next((name for name, value in vars(stream).items() if value is other), None)
    except Exception:  # It has no such names, as Maya's own has not.
        return None


class Copy:
    """A stream that keeps what is written and passes it on."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, output, stream, original):
        self._original = original
        self.write, self.end_line = output.writer(stream, original)

    def writelines(self, lines):
        """Takes many pieces."""
        for line in lines:
            self.write(line)

    def flush(self):
        """Passes on what waits, and the wish where it is understood."""
        self.end_line()
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
