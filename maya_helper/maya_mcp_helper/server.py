"""The I/O thread: its ports, its links, and nothing of Maya.

There is one port, on loopback, and another only for an engine on another machine.
Invariant: the thread sleeps in one select. It wakes by the clock only for something that is due
then: a handshake, the end of a helper without links, and what others remind it of.
"""

import collections
import functools
import os
import selectors
import socket
import sys
import threading
import time

from . import frames
from .link import Link
from .proof import Handshake, Stranger

HANDSHAKE_S = 2.0
LONELY_S = 60.0  # How long the helper stays without any link.
GOODBYE_S = 0.2  # How long Maya's exit may wait for the last words.
DEAF_S = 1.0  # Without descriptors nobody can be let in; then it is tried again.
PENDING_STRANGERS = 16  # Half-open connections at once; the engine needs one.


class Server:
    """Listens, proves, reads and writes. What a request means is for `on_request`."""

    def __init__(self, welcome, on_request, on_closed, on_end, remind):
        self._welcome = welcome
        self._on_request = on_request
        self._on_closed = on_closed
        self._on_end = on_end
        self._remind = remind  # Does what is due by now and gives the time of the next, or None.
        self._lock = threading.Lock()  # Guards the secrets and the decision to end.
        self._telling = threading.Lock()  # A welcome and an event: one before the other.
        self._secrets = {}
        self._lasting = set()  # Secrets that no engine takes away; with one, nothing is lonely.
        self._ending = None  # The reason, once decided.
        self._lonely_since = time.monotonic()
        self._links = []
        self._port_links = []  # Those by way of Maya's own command ports; see ports.py.
        self._attention = collections.deque()  # Links with something to send or to close.
        self._selector = selectors.DefaultSelector()
        self._listeners = {}  # By host.
        self._fresh = collections.deque()  # Listeners that the I/O thread has to take up,
        self._deaf_until = 0.0  # and not before.
        self._alarm, self._alarmed = socket.socketpair()
        self._alarm.setblocking(False)
        self._alarmed.setblocking(False)
        self._selector.register(self._alarmed, selectors.EVENT_READ, self._calm)
        self._thread = threading.Thread(target=self._run, name="maya-mcp-helper", daemon=True)

    def start(self):
        """Starts the I/O thread."""
        self._thread.start()

    def listen_on(self, host):
        """The port on that address of this machine; opened when it is not open yet."""
        with self._lock:
            if self._ending is not None:
                return 0  # Nobody is invited any more either.
            listener = self._listeners.get(host)
            if listener is None:
                listener = self._listeners[host] = _listener(host)
                self._fresh.append(listener)
        self.wake()
        return listener.getsockname()[1]

    def invite(self, secret_id, secret):
        """Adds a secret; False when the server has already decided to end."""
        with self._lock:
            if self._ending is not None:
                return False
            self._secrets[secret_id] = secret
            self._lonely_since = time.monotonic()
        self.wake()
        return True

    def uninvite(self, secret_id):
        """Takes a secret back of which nobody has heard."""
        with self._lock:
            self._secrets.pop(secret_id, None)

    def stay(self, secret_id):
        """From now on that secret is never forgotten, and the server stays without any link."""
        with self._lock:
            self._lasting.add(secret_id)
        self.wake()

    def forget(self, link):
        """Forgets the link's secret and lets go of all its links; with the last secret, ends."""
        with self._lock:
            if link.secret_id not in self._lasting:
                self._secrets.pop(link.secret_id, None)
            if not self._secrets:
                self._ending = self._ending or "left"
        if self._ending is not None:
            self.wake()
            return
        for other in self.links():
            if other.secret_id == link.secret_id:
                self._close(other)

    def links(self):
        """The links that are open."""
        return [link for link in [*self._links, *self._port_links] if link.is_open]

    def tell(self, event, params, links=None):
        """Sends an event to these links; without any to the engines' own, and not to clients'."""
        frame = frames.encode({"event": event, "params": params})
        with self._telling:
            for link in self.links() if links is None else links:
                if links is not None or not link.client:
                    link.send(frame)

    def add_port_link(self, link):
        """One by way of a command port of Maya's; ports.py sees when it is used no more."""
        self._port_links.append(link)

    def end(self, reason):
        """Says good-bye and closes everything; waits for that a short, bounded time."""
        with self._lock:
            self._ending = self._ending or reason
        self.wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(GOODBYE_S + 0.3)

    def wake(self):
        """Lets the I/O thread look around. From any thread."""
        if threading.current_thread() is self._thread:
            return  # It looks for attention before it sleeps.
        try:
            self._alarm.send(b"\0")
        except OSError:
            pass  # Full of wake-ups already, or closed because the server has ended.

    def _attend(self, link):
        self._attention.append(link)
        self.wake()

    # Below, everything runs on the I/O thread.

    def _run(self):
        try:
            while self._ending is None:
                for key, events in self._selector.select(self._timeout()):
                    self._guarded(key.data, events)
                self._care()
                self._expire(time.monotonic())
        finally:
            self._last_words()
            self._on_end()

    def _guarded(self, callback, events):
        try:
            callback(events)
        except OSError:
            pass  # A socket that broke; its link is closed where that is noticed.

    def _timeout(self):
        deadlines = [link.deadline for link in self._links if link.handshake is not None]
        if self._fresh:
            deadlines.append(self._deaf_until)
        if self._may_be_lonely:
            deadlines.append(self._lonely_since + LONELY_S)
        now = time.monotonic()
        due = self._remind(now)
        if due is not None:
            deadlines.append(due)
        return max(0.0, min(deadlines) - now) if deadlines else None

    def _expire(self, now):
        for link in list(self._links):
            if link.handshake is not None and now >= link.deadline:
                self._refuse(link, "no proof in time")
        with self._lock:
            if self._may_be_lonely and now >= self._lonely_since + LONELY_S:
                self._ending = self._ending or "left"

    @property
    def _may_be_lonely(self):
        # Whoever has not proven himself yet may have waited for Python's lock; he has two seconds.
        return not (self._lasting or self._port_links or self._links)

    def _calm(self, _events):
        self._alarmed.recv(4096)

    def _care(self):
        """Looks after what other threads pointed out: new listeners, and links."""
        while self._fresh and time.monotonic() >= self._deaf_until:
            listener = self._fresh.popleft()
            self._selector.register(
                listener, selectors.EVENT_READ, functools.partial(self._accept, listener)
            )
        while self._attention:
            link = self._attention.popleft()
            if link.closed:
                continue
            if link.broken:
                self._close(link)
                continue
            both = selectors.EVENT_READ | selectors.EVENT_WRITE
            wanted = both if link.has_outgoing else selectors.EVENT_READ
            self._selector.modify(link.connection, wanted, self._turn(link))

    def _accept(self, listener, _events):
        try:
            connection, address = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionError):
            return  # Whoever knocked has gone.
        except OSError:  # No descriptors left: it would be told again and again.
            self._selector.unregister(listener)
            self._deaf_until = time.monotonic() + DEAF_S
            self._fresh.append(listener)
            return
        handshake = Handshake(self._secrets, os.urandom(32).hex())
        deadline = time.monotonic() + HANDSHAKE_S
        link = Link(connection, address, handshake, deadline, self._attend)
        self._links.append(link)
        self._selector.register(connection, selectors.EVENT_READ, self._turn(link))
        unproven = [other for other in self._links if other.handshake is not None]
        if len(unproven) > PENDING_STRANGERS:
            self._refuse(unproven[0], "too many at once")  # An engine needs but a moment.

    def _turn(self, link):
        def turn(events):
            if events & selectors.EVENT_WRITE:
                link.flush()
                self._attention.append(link)
            if events & selectors.EVENT_READ and not link.closed:
                self._read(link)

        return turn

    def _read(self, link):
        try:
            count = link.reader.receive_from(link.connection)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            count = 0
        try:
            if not count:
                raise Stranger("hung up") if link.handshake else frames.BadFrame("end of stream")
            self._take_frames(link)
        except Stranger as stranger:
            self._refuse(link, str(stranger))
        except frames.BadFrame as bad:
            if link.handshake:
                self._refuse(link, str(bad))
            else:
                self._close(link)
        except Exception:  # A fault of ours costs this link, and not all of them.
            self._close(link)

    def _take_frames(self, link):
        while not link.closed and self._ending is None:
            frame = link.reader.take()
            if frame is None:
                return
            message, _binary = frame
            if link.handshake:
                self._prove(link, message)
            else:
                self._on_request(link, message)

    def _prove(self, link, message):
        with self._lock:
            reply = link.handshake.receive(message)
        if reply is not None:
            link.send(frames.encode(reply))
            return
        link.secret_id = link.handshake.secret_id
        link.client = link.handshake.client
        link.reader.limits = frames.AFTER_WELCOME
        with self._telling:  # No event falls between the facts and the first event it hears.
            link.send(frames.encode({"welcome": self._welcome()}))
            link.handshake = None

    def _refuse(self, stranger, why):
        self._close(stranger)
        self.tell("stranger", {"address": stranger.address, "why": why})

    def _close(self, link):
        if link.closed:
            return
        if link in self._port_links:
            self._port_links.remove(link)
        if link in self._links:
            self._links.remove(link)
            self._selector.unregister(link.connection)
        was_open = link.is_open
        link.close()
        if was_open:
            with self._lock:
                self._lonely_since = time.monotonic()
            self._on_closed(link)

    def _last_words(self):
        with self._lock:
            self._ending = self._ending or "left"
        self._care()
        for listener in self._listeners.values():
            if listener not in self._fresh:
                self._selector.unregister(listener)
            listener.close()
        self.tell("goodbye", {"reason": self._ending or "left"}, self.links())
        deadline = time.monotonic() + GOODBYE_S
        self._care()
        while any(link.has_outgoing for link in self._links):
            rest = deadline - time.monotonic()
            if rest <= 0:
                break
            for key, events in self._selector.select(rest):
                if events & selectors.EVENT_WRITE or key.fileobj is self._alarmed:
                    self._guarded(key.data, events & selectors.EVENT_WRITE)
            self._care()
        for link in list(self._links):
            self._guarded(lambda _events, link=link: self._close(link), 0)
        self._selector.close()
        self._alarm.close()
        self._alarmed.close()


def _listener(host):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform == "win32":  # Elsewhere nobody can take a port that is listened on.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    try:
        listener.bind((host, 0))
    except OSError:
        listener.close()
        raise
    listener.listen(128)
    listener.setblocking(False)
    return listener
