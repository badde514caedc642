"""Everybody who can be told of an event, each noting when it was.

Invariant: each has a thread that only reads; nothing is asked for again and again.
"""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

from bench.clients import Legacy, Modern
from bench.wire import Connection, request

SECRET = base64.b64encode(bytes(range(32))).decode()


class Heard:
    """What came, and when (`time.monotonic()`)."""

    def __init__(self):
        self.items = []

    def note(self, item):
        self.items.append((time.monotonic(), item))

    def after(self, moment, of):
        """(seconds after that moment, item) of those that `of` is true for."""
        return [(at - moment, item) for at, item in self.items if at > moment and of(item)]

    def last(self):
        return self.items[-1][0] if self.items else 0.0


class Pushed(Heard):
    """What is pushed to an MCP client that listens."""

    def __init__(self, kind, port, token):
        super().__init__()
        self._client = kind(port, token)
        _read_lines(self._client.stream(), self._take)

    def _take(self, line):
        if line.startswith(b"data:") and b"method" in line:
            self.note(json.loads(line[5:]))

    def stop(self):
        _hang_up(self._client.connection.socket)


class Events(Heard):
    """`GET /events`."""

    def __init__(self, port, token, query):
        super().__init__()
        self._connection = Connection(port)
        asked = request(port, "GET", authorization=f"Bearer {token}", accept="text/event-stream")
        self._connection.socket.sendall(asked.replace(b"/mcp", f"/events{query}".encode(), 1))
        self._connection.begin()
        self._fields = {}
        _read_lines(self._connection.socket, self._take)

    def _take(self, line):
        name, _, value = line.decode().partition(":")
        if name in ("id", "event", "data"):
            self._fields[name] = value.strip()
        elif not line.strip() and self._fields:
            fields, self._fields = self._fields, {}
            self.note({**fields, "data": json.loads(fields["data"])})

    def stop(self):
        _hang_up(self._connection.socket)


class Webhook(Heard):
    """A server that takes what is sent to it, and checks who has signed it."""

    def __init__(self):
        super().__init__()
        heard = self

        class Taking(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                heard.note({"signed": is_signed(self.headers, body), **json.loads(body)})
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Taking)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


def is_signed(headers, body):
    """As standardwebhooks.com says."""
    number, stamp = headers["webhook-id"], headers["webhook-timestamp"]
    signed = f"{number}.{stamp}.".encode() + body
    mac = hmac.new(base64.b64decode(SECRET), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mac).decode()}" in headers["webhook-signature"].split()


class Log(Heard):
    """The lines of the event log on disk."""

    def __init__(self, folder):
        super().__init__()
        self._folder = folder
        self._stopped = threading.Event()
        self._known = set()
        threading.Thread(target=self._look, daemon=True).start()

    def _look(self):
        # There is no event for a file that grows: this is how soon it can be known.
        while not self._stopped.wait(0.005):
            for file in sorted(self._folder.glob("*.jsonl")):
                for line in file.read_text().splitlines():
                    if line not in self._known and line.endswith("}"):
                        self._known.add(line)
                        self.note(json.loads(line))

    def stop(self):
        self._stopped.set()


def both_eras(port, token):
    return {
        "a client of 2025-11-25": Pushed(Legacy, port, token),
        "a client of 2026-07-28": Pushed(Modern, port, token),
    }


def _read_lines(socket, take):
    socket.settimeout(None)

    def read():
        rest = b""
        try:
            while part := socket.recv(65536):
                *lines, rest = (rest + part).split(b"\n")
                for line in lines:
                    take(line.rstrip(b"\r"))
        except OSError:
            pass  # It was hung up.

    threading.Thread(target=read, daemon=True).start()


def _hang_up(socket):
    socket.shutdown(2)
    socket.close()
