"""The engine's side of the protocol, for tests: as small and as blocking as it can be."""

import hashlib
import hmac
import json
import os
import socket
import struct


class Engine:
    """One connection to a helper."""

    def __init__(self, port, deadline=10.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=deadline)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = 0
        self.events = []
        self.answers = {}
        self.output = {}  # id -> (stream, text) as they came
        self.binary = b""  # Of the last frame.

    def send(self, message, binary=b""):
        body = json.dumps(message).encode("utf-8")
        self.socket.sendall(struct.pack(">II", len(body), len(binary)) + body + binary)

    def receive(self):
        """The next frame's object, or None at the end of the stream."""
        header = self._exactly(8)
        if header is None:
            return None
        json_size, binary_size = struct.unpack(">II", header)
        body = self._exactly(json_size)
        self.binary = self._exactly(binary_size)
        return None if body is None else json.loads(body.decode("utf-8"))

    def prove(self, secret, client=None):
        """The whole handshake; gives the facts."""
        key = bytes.fromhex(secret)
        mine = os.urandom(32).hex()
        self.send({"hello": {"protocol": 1, "nonce": mine, "secret": secret_id(secret)}})
        challenge = self.receive()["challenge"]
        theirs = challenge["nonce"]
        assert challenge["proof"] == proof(key, "helper", mine, theirs), "the helper's own proof"
        last = {"proof": proof(key, "engine", theirs, mine)}
        self.send(last if client is None else dict(last, client=client))
        return self.receive()["welcome"]

    def ask(self, method, **params):
        """Sends a request; gives its id."""
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        return self.number

    def answer(self, number):
        """The whole answer to that request; events on the way are kept."""
        while number not in self.answers:
            self._sort(self.receive())
        return self.answers.pop(number)

    def event(self, name):
        """The next event of that name; answers on the way are kept."""
        while True:
            for event in self.events:
                if event["event"] == name:
                    self.events.remove(event)
                    return event["params"]
            self._sort(self.receive())

    def call(self, method, **params):
        """Sends a request and gives its result."""
        answer = self.answer(self.ask(method, **params))
        assert "error" not in answer, answer
        return answer["result"]

    def execute(self, code, **params):
        """Runs code and gives the outcome, with what it printed."""
        return self.outcome(self.ask("execute", code=code, **params))

    def outcome(self, number):
        """The outcome of an execute that was asked for."""
        answer = self.answer(number)
        assert "error" not in answer, answer
        pieces = self.output.pop(number, [])
        printed = {
            name: "".join(text for stream, text in pieces if stream == name)
            for name in ("stdout", "stderr")
        }
        return dict(answer["result"], **printed)

    def ends(self):
        """True once the stream has ended; whatever came before is sorted."""
        while True:
            try:
                message = self.receive()
            except ConnectionError:
                return True
            if message is None:
                return True
            self._sort(message)

    def close(self):
        self.socket.close()

    def _sort(self, message):
        assert message is not None, "the helper hung up"
        if message.get("event") == "output":
            params = message["params"]
            piece = params["stream"], self.binary.decode("utf-8")
            self.output.setdefault(params["id"], []).append(piece)
        elif "event" in message:
            self.events.append(message)
        else:
            self.answers[message["id"]] = message

    def _exactly(self, size):
        data = bytearray(size)
        room = memoryview(data)
        while room:
            count = self.socket.recv_into(room)
            if not count:
                return None
            room = room[count:]
        return data


def secret_id(secret):
    return hashlib.sha256(bytes.fromhex(secret)).hexdigest()[:8]


def proof(key, role, first, second):
    return hmac.new(key, f"{role}:{first}:{second}".encode(), hashlib.sha256).hexdigest()
