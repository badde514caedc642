"""Links by way of Maya's own command ports, where a studio forbids other listeners.

Invariant: everything here runs on Maya's main thread, in the middle of a command port's command,
but for what is sent to a PortLink. What a port answers is one line of ASCII that never raises.
"""

import base64
import collections
import importlib
import json
import os
import time

from . import frames
from .link import CROWDED

PORTS = range(50000, 60001)
TAKEN_BY_MAYA = 50007
ATTEMPTS = 50  # Some are in use, and Windows reserves blocks of them.
PART = 3000  # Maya's buffer has 4,096 bytes, for answers as well.
LONELY_S = 60.0  # An engine that has said nothing for so long may be gone,
AGAIN_S = 2.0  # and is, if it says nothing while the main thread is free, either.
UNKNOWN = "!"  # The answer to a key that is none, or none any more.


class NoPort(Exception):
    """Maya opened none of those that were tried."""


class PortLink:
    """A link whose frames wait until the other side's next line fetches them."""

    handshake = None  # Whoever is told the key has come by a command port already.

    def __init__(self, name, secret_id, client):
        self.address = name
        self.secret_id = secret_id
        self.client = client
        self.events = frozenset()
        self.closed = False
        self.heard = time.monotonic()  # When the other side last said something.
        self._frames = collections.deque()
        self._waiting = 0  # Their bytes.
        self._pieces = []
        self._parts = collections.deque()

    @property
    def is_open(self):
        """Until it is closed."""
        return not self.closed

    @property
    def is_crowded(self):
        """Whether so much waits that what can wait should."""
        return self._waiting > CROWDED

    def send(self, pieces):
        """Keeps a frame. From any thread."""
        if not self.closed:
            self._frames.append(pieces)
            self._waiting += sum(map(len, pieces))

    def duplicate(self):
        """There is no connection of ours."""

    def close(self):
        """From here on nothing is kept; the port itself is closed in a later pass."""
        self.closed = True

    def add_piece(self, piece):
        """A part of a request whose end is still to come."""
        self._pieces.append(piece)

    def take_back(self):
        """What has come of a request goes: its end will not."""
        self._pieces = []

    def whole(self, text):
        """The request of which this is the end."""
        pieces, self._pieces = self._pieces, []
        return "".join([*pieces, text])

    def fetch(self):
        """Everything that waits, as the first part of an answer."""
        told = []
        self._waiting = 0
        while self._frames:
            told.append(_as_object(self._frames.popleft()))
        text = "[" + ",".join(told) + "]"
        self._parts = collections.deque(
            text[start : start + PART] for start in range(0, len(text), PART)
        )
        return self.next_part()

    def next_part(self):
        """The next part of the answer, marked as the last one or not."""
        part = self._parts.popleft() if self._parts else "[]"
        return ("+" if self._parts else "=") + part


class Ports:
    """The command ports that were opened for us."""

    def __init__(self, handle):
        self._handle = handle  # Does what a message on a link asks for.
        self._links = {}  # By key.
        self._doubtful = {}  # Secrets, and when to decide.

    def open(self, secret_id, client):
        """(link, port, key) of a new one."""
        for _ in range(ATTEMPTS):
            number = PORTS[int.from_bytes(os.urandom(4), "big") % len(PORTS)]
            name = f"127.0.0.1:{number}"
            if number != TAKEN_BY_MAYA and _command_port(name=name, sourceType="python"):
                key = os.urandom(16).hex()
                link = self._links[key] = PortLink(name, secret_id, client)
                return link, number, key
        raise NoPort(f"Maya opened none of {ATTEMPTS} command ports that were tried")

    def answer(self, key, text):
        """What the port answers to a request."""
        link = self._open_link(key)
        if link is None:
            return UNKNOWN
        text = link.whole(text) if text else link.take_back()
        if not text:
            return link.fetch()
        try:
            message = json.loads(text)
            if not isinstance(message, dict):
                raise ValueError("a request is an object")
        except (ValueError, RecursionError) as error:
            told = {"type": "BadParams", "message": f"a request that is not JSON: {error}"}
            link.send(frames.encode({"id": None, "error": told}))
        else:
            self._handle(link, message)
        return link.fetch()

    def piece(self, key, piece):
        """Takes a part of a request."""
        link = self._open_link(key)
        if link is None:
            return UNKNOWN
        link.add_piece(piece)
        return "ok"

    def more(self, key):
        """The next part of an answer."""
        link = self._open_link(key)
        return UNKNOWN if link is None else link.next_part()

    def due(self):
        """When to look for lonely links, or None. From any thread."""
        heard = self._heard()
        dues = [self._doubtful.get(secret, last + LONELY_S) for secret, last in heard.items()]
        return min(dues, default=None)

    def lonely(self):
        """A link of each engine that is gone: it had the time to say something, and did not.

        After Maya was busy, or the machine asleep, its message may be the next thing to be done.
        """
        now, gone = time.monotonic(), []
        for secret, last in self._heard().items():
            if now < last + LONELY_S:
                self._doubtful.pop(secret, None)
            elif now >= self._doubtful.setdefault(secret, now + AGAIN_S):
                gone.append(secret)
        links = {link.secret_id: link for link in self._links.values()}
        return [links[secret] for secret in gone]

    def _heard(self):
        """When each engine last said something, through any of its ports."""
        heard = {}
        for link in list(self._links.values()):
            if link.is_open:
                heard[link.secret_id] = max(link.heard, heard.get(link.secret_id, 0.0))
        return heard

    def close_unused(self):
        """Closes the ports whose links are closed."""
        for key, link in list(self._links.items()):
            if link.closed:
                del self._links[key]
                _command_port(name=link.address, close=True)

    def close(self):
        """Closes all of them."""
        for link in self._links.values():
            link.close()
        self.close_unused()

    def _open_link(self, key):
        link = self._links.get(key)
        if link is None or not link.is_open:
            return None
        link.heard = time.monotonic()
        return link


def _command_port(**flags):
    try:
        importlib.import_module("maya.cmds").commandPort(**flags)
        return True
    except Exception:  # In use, reserved, or Maya is on its way out.
        return False


def _as_object(pieces):
    frame = b"".join(pieces)
    size = frames.HEADER.unpack_from(frame)[0]
    end = frames.HEADER.size + size
    message = json.loads(frame[frames.HEADER.size : end].decode("utf-8"))
    if len(frame) > end:
        message["binary"] = base64.b64encode(frame[end:]).decode("ascii")
    return json.dumps(message)
