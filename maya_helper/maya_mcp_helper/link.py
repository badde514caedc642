"""One connection: what came in, and what still has to go out.

Invariant: send() never waits, from any thread. What the socket does not take at once is queued,
and an engine that leaves more than OUTGOING_LIMIT unread behind the piece on its way is cut off.
"""

import collections
import os
import socket
import threading

from . import frames

# All the output of a job may wait, and a large answer; more means that nobody is reading.
OUTGOING_LIMIT = 128 << 20
# With so much unread, what can wait does: output, and the selection.
CROWDED = 1 << 20


class Link:
    """A connection. Its socket is read and closed by the I/O thread alone."""

    def __init__(self, connection, address, handshake, deadline, attend):
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self.address = "{}:{}".format(*address[:2])
        self.handshake = handshake  # None once the engine has proven itself.
        self.deadline = deadline  # When the handshake has to be done.
        self.secret_id = None
        self.client = ""  # Whom it serves; "" is the engine itself.
        self.events = frozenset()  # What it subscribed to.
        self.reader = frames.Reader()
        self.closed = False
        self.broken = False  # Set by whoever notices; the I/O thread then closes.
        self.was_cut = False  # Closed in the middle of something.
        self._goes_on = False  # By a duplicate, which has something to say yet.
        self._pid = os.getpid()
        self._attend = attend
        self._lock = threading.Lock()
        self._outgoing = collections.deque()
        self._pending = 0

    @property
    def is_open(self):
        """Whether the engine has proven itself and the connection stands."""
        return self.handshake is None and not self.closed

    @property
    def has_outgoing(self):
        """Whether something waits for the socket to take it."""
        return self._pending > 0

    @property
    def is_crowded(self):
        """Whether so much is unread that what can wait should."""
        return self._pending > CROWDED

    def send(self, pieces):
        """Gives the pieces of a frame to the socket, or to the queue in front of it."""
        with self._lock:
            if self.closed or self.broken or os.getpid() != self._pid:
                return  # A fork of Maya's process has the same socket, and nothing to say on it.
            if self._pending - self._on_its_way() > OUTGOING_LIMIT:
                self.broken = True
            else:
                for piece in pieces:
                    self._outgoing.append(memoryview(piece))
                    self._pending += len(piece)
                self._drain()
            unfinished = self.broken or self._pending > 0
        if unfinished:
            self._attend(self)

    def _on_its_way(self):
        return len(self._outgoing[0]) if self._outgoing else 0

    def flush(self):
        """Gives the socket as much as it takes now."""
        with self._lock:
            if not self.closed:
                self._drain()

    def duplicate(self):
        """A socket of the same connection, which keeps it when this one is closed."""
        with self._lock:
            self._goes_on = True
            return self.connection.dup()

    def close(self):
        """Ends the connection; what is still queued is dropped."""
        with self._lock:
            self.closed = True
            self.was_cut = self._pending > 0
            self._outgoing.clear()
            self._pending = 0
            if not self._goes_on:
                self._take_what_came()
            self.connection.close()

    def _take_what_came(self):
        # What is unread when a socket closes makes some systems throw away what was sent last.
        try:
            self.connection.shutdown(socket.SHUT_WR)
            while self.connection.recv(1 << 16):
                pass
        except OSError:
            pass

    def _drain(self):
        while self._outgoing:
            first = self._outgoing[0]
            try:
                sent = self.connection.send(first)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.broken = True
                self._attend(self)
                return
            self._pending -= sent
            if sent < len(first):
                self._outgoing[0] = first[sent:]
            else:
                self._outgoing.popleft()
