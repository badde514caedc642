"""The engine's side of a link by a command port of Maya's, for tests."""

import json
import socket

LONGEST = 4000


class PortEngine:
    """One command port that was opened for us."""

    def __init__(self, port, key):
        self.key = key
        self.number = 0
        self.events = []
        self.answers = {}
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)

    def line(self, function, *texts):
        """Sends one line; gives the reply."""
        arguments = ",".join(f"'{escaped(text)}'" for text in (self.key, *texts))
        helper = "__import__('sys').modules.get('maya_mcp_helper')"
        line = f"getattr({helper},'{function}',lambda *_:'!')({arguments})"
        assert len(line) < 4096, "Maya would split it"
        self.socket.sendall(line.encode("ascii"))
        reply = b""
        while not reply.endswith(b"\n\0"):
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the port was closed")
            reply += data
        return reply[:-2].decode("ascii")

    def send(self, message):
        """Sends a request, and keeps everything that comes with its answer."""
        text = json.dumps(message)
        while len(escaped(text)) > LONGEST - 200:
            piece, text = text[:1500], text[1500:]
            assert self.line("piece", piece) == "ok"
        reply = self.line("port", text)
        whole = ""
        while reply.startswith("+"):
            whole += reply[1:]
            reply = self.line("more")
        if not reply.startswith("="):
            raise ConnectionError(reply)
        for told in json.loads(whole + reply[1:]):
            if "id" in told:
                self.answers[told["id"]] = told
            else:
                self.events.append(told)

    def call(self, method, **params):
        """The whole answer to a request."""
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        return self.answers.pop(self.number)

    def close(self):
        self.socket.close()


def escaped(text):
    return text.replace("\\", "\\\\").replace("'", "\\'")
