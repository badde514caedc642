"""Frames: two lengths, a JSON object, and a binary part.

Invariant: a length is judged before its body is waited for, and nothing is allocated by it.
"""

import collections
import json
import struct

HEADER = struct.Struct(">II")
Limits = collections.namedtuple("Limits", "json binary")
BEFORE_WELCOME = Limits(4096, 0)
AFTER_WELCOME = Limits(64 << 20, 256 << 20)


class BadFrame(Exception):
    """Bytes which the protocol does not allow; they end the connection."""


def encode(message, binary=b""):
    """The bytes of one frame."""
    return pack(dumps(message), binary)


def dumps(value):
    """Strict JSON text: a NaN is refused, for the engine could not read it."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def pack(text, binary=b""):
    """The bytes of one frame whose JSON part is already text."""
    body = utf8(text)
    return HEADER.pack(len(body), len(binary)) + body + binary


def utf8(text):
    """UTF-8 of any Python text; a lone surrogate, which no other language takes, is replaced."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return paired.encode("utf-8")


class Reader:
    """Cuts a stream of bytes into frames."""

    def __init__(self):
        self.limits = BEFORE_WELCOME
        self._buffer = bytearray()

    def feed(self, data):
        """Adds bytes as they came from the socket."""
        self._buffer += data

    def take(self):
        """The next (object, binary part), or None until more bytes have come."""
        buffer = self._buffer
        if len(buffer) < HEADER.size:
            return None
        json_size, binary_size = HEADER.unpack_from(buffer)
        if json_size > self.limits.json or binary_size > self.limits.binary:
            raise BadFrame("a frame over the limit")
        end_of_json = HEADER.size + json_size
        end = end_of_json + binary_size
        if len(buffer) < end:
            return None
        message = _object(buffer[HEADER.size : end_of_json])
        binary = bytes(buffer[end_of_json:end])
        del buffer[:end]
        return message, binary


def _object(data):
    try:
        message = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadFrame("a frame that is not JSON") from None
    if not isinstance(message, dict):
        raise BadFrame("a frame that is not an object")
    return message
