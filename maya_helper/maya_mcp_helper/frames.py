"""Frames: two lengths, a JSON object, and a binary part.

Invariant: a length is judged before its body is waited for, and what is allocated for a body is at
most twice what has come of it. A large binary part is never copied chunk by chunk.
"""

import collections
import json
import struct

HEADER = struct.Struct(">II")
Limits = collections.namedtuple("Limits", "json binary")
BEFORE_WELCOME = Limits(4096, 0)
AFTER_WELCOME = Limits(64 << 20, 256 << 20)

SMALL = 16 << 10  # A reader's buffer between large frames.
JOINED = 64 << 10  # A larger frame goes out in the pieces it is made of: nothing is copied for it.


class BadFrame(Exception):
    """Bytes which the protocol does not allow; they end the connection."""


def encode(message, binary=b""):
    """The pieces of one frame."""
    return pack(dumps(message), binary)


def dumps(value):
    """Strict JSON text: a NaN is refused, for the engine could not read it."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def pack(text, binary=b""):
    """The pieces of one frame whose JSON part is already text, or several pieces of it."""
    parts = [text] if isinstance(text, str) else text
    body = [part if isinstance(part, bytes) else utf8(part) for part in parts]
    head = HEADER.pack(sum(map(len, body)), len(binary))
    pieces = [head, *body, binary]
    if sum(map(len, pieces)) <= JOINED:
        return (b"".join(pieces),)
    return tuple(piece for piece in pieces if piece)


def utf8(text):
    """UTF-8 of any Python text; a lone surrogate, which no other language takes, is replaced."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return paired.encode("utf-8")


class Reader:
    """Cuts a stream of bytes into frames. The socket writes into its buffer."""

    def __init__(self):
        self.limits = BEFORE_WELCOME
        self._buffer = bytearray(SMALL)
        self._start = 0  # Of what was not taken yet,
        self._end = 0  # and its end.

    def receive_from(self, connection):
        """Reads what the socket has, as far as there is room; the number of bytes, 0 at its end."""
        if self._end == len(self._buffer):
            self._make_room()
        with memoryview(self._buffer) as whole, whole[self._end :] as room:
            count = connection.recv_into(room)
        self._end += count
        return count

    def take(self):
        """The next (object, binary part), or None until more bytes have come."""
        sizes = self._sizes()
        if sizes is None:
            return None
        end_of_json = self._start + HEADER.size + sizes.json
        end = end_of_json + sizes.binary
        if self._end < end:
            return None
        message = _object(self._buffer[self._start + HEADER.size : end_of_json])
        return message, self._cut(end_of_json, end)

    def _sizes(self):
        if self._end - self._start < HEADER.size:
            return None
        sizes = Limits(*HEADER.unpack_from(self._buffer, self._start))
        if sizes.json > self.limits.json or sizes.binary > self.limits.binary:
            raise BadFrame("a frame over the limit")
        return sizes

    def _cut(self, start, end):
        """The binary part between the two, which ends what is taken."""
        if end - start > JOINED or len(self._buffer) > 2 * max(SMALL, self._end - end):
            # The large one keeps this buffer; what came behind it goes into a new one.
            binary = memoryview(self._buffer)[start:end]
            self._move(end, SMALL)
            return binary
        binary = bytes(self._buffer[start:end])
        self._start = end
        if end == self._end:
            self._start = self._end = 0
        return binary

    def _make_room(self):
        waiting = self._end - self._start
        size = len(self._buffer)
        if waiting > size // 2:
            sizes = self._sizes()
            wanted = HEADER.size + sizes.json + sizes.binary
            size = max(SMALL, min(size * 2, wanted + HEADER.size))
        self._move(self._start, size)

    def _move(self, start, size):
        """What came from there on goes into a new buffer of at least that size."""
        waiting = self._end - start
        new = bytearray(max(size, waiting + HEADER.size))
        new[:waiting] = memoryview(self._buffer)[start : self._end]
        self._buffer, self._start, self._end = new, 0, waiting


def _object(data):
    try:
        message = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadFrame("a frame that is not JSON") from None
    if not isinstance(message, dict):
        raise BadFrame("a frame that is not an object")
    return message
