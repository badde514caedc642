"""HTTP/1.1 as small as it can be, so that what is measured is the other side.

Invariant: one connection, kept alive; an answer is whole when its last byte is there.
"""

import socket

HEAD_END = b"\r\n\r\n"
LINE_END = b"\r\n"
PART = 64 << 10


class Connection:
    def __init__(self, port, deadline=120.0):
        self.socket = socket.create_connection(("127.0.0.1", port), deadline)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head = b""
        self._read = bytearray()  # And not used yet.

    def exchange(self, request):
        """Sends it; gives the body of the answer."""
        self.socket.sendall(request)
        return self.answer()

    def answer(self):
        self.begin()
        length = self.header(b"content-length")
        if length is not None:
            return bytes(self._exactly(int(length)))
        body = bytearray()
        while size := int(self._until(LINE_END), 16):
            body += self._exactly(size)
            self._exactly(len(LINE_END))
        self._exactly(len(LINE_END))
        return bytes(body)

    def begin(self):
        """The head of an answer; what came with it of the body is kept."""
        self.head = self._until(HEAD_END)
        if not self.head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.1 202 ")):
            raise AssertionError(self.head.decode())

    def header(self, name):
        for line in self.head.split(LINE_END)[1:]:
            one, _, value = line.partition(b":")
            if one.lower() == name:
                return value.strip()
        return None

    def close(self):
        self.socket.close()

    def _until(self, mark):
        seen = 0
        while (end := self._read.find(mark, seen)) < 0:
            seen = max(0, len(self._read) - len(mark))
            self._read += self._receive()
        found = bytes(self._read[:end])
        del self._read[: end + len(mark)]
        return found

    def _exactly(self, size):
        data = bytearray(size)
        there = min(size, len(self._read))
        data[:there] = self._read[:there]
        del self._read[:there]
        room = memoryview(data)[there:]
        while room:
            count = self.socket.recv_into(room)
            if not count:
                raise ConnectionError("the endpoint hung up")
            room = room[count:]
        return data

    def _receive(self):
        part = self.socket.recv(PART)
        if not part:
            raise ConnectionError("the endpoint hung up")
        return part


def request(port, method, body=b"", **headers):
    """As it is sent. Underscores in names of headers are hyphens."""
    lines = [f"{method} /mcp HTTP/1.1", f"host: 127.0.0.1:{port}", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
    return "\r\n".join(lines).encode() + HEAD_END + body
