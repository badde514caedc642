"""Clients of the endpoint in both eras of the protocol, direct and by the bridge.

Invariant: `exchange` does nothing but send what `message` has made ready and take what comes back.
"""

import itertools
import json
import subprocess

from .wire import Connection, request

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
INFO = {"name": "bench", "version": "1"}
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": INFO,
    "io.modelcontextprotocol/clientCapabilities": {},
}
INITIALIZE = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": INFO}


class Client:
    """What all have in common: how a call is asked, and how its answer is read."""

    modern = False

    def __init__(self):
        self._ids = itertools.count(1)

    def call(self, tool, **arguments):
        """The whole of it: what the tool answers."""
        return tool_answer(self.ask("tools/call", name=tool, arguments=arguments))

    def ask(self, method, **params):
        return read(self.exchange(self.message(method, **params)))

    def text(self, method, **params):
        if self.modern:
            params["_meta"] = META
        body = {"jsonrpc": "2.0", "method": method, "params": params}
        if not method.startswith("notifications/"):
            body["id"] = next(self._ids)
        return json.dumps(body).encode()


class Direct(Client):
    """Over HTTP."""

    def __init__(self, port, token):
        super().__init__()
        self.port = port
        self.connection = Connection(port)
        self.headers = {
            "authorization": f"Bearer {token}",
            "accept": "application/json, text/event-stream",
            "content_type": "application/json",
        }

    def exchange(self, message):
        return self.connection.exchange(message)

    def close(self):
        self.connection.close()


class Modern(Direct):
    """Every request stands for itself."""

    modern = True

    def message(self, method, **params):
        headers = {"mcp_protocol_version": MODERN, "mcp_method": method}
        headers["mcp_name"] = params.get("name")
        body = self.text(method, **params)
        return request(self.port, "POST", body, **self.headers, **headers)

    def stream(self):
        """What brings news from now on: an answer that does not end."""
        wishes = {"resourcesListChanged": True, "resourceSubscriptions": ["maya://sessions"]}
        self.connection.socket.sendall(self.message("subscriptions/listen", notifications=wishes))
        self.connection.begin()
        return self.connection.socket


class Legacy(Direct):
    """Within a session."""

    def __init__(self, port, token):
        super().__init__(port, token)
        self.ask("initialize", **INITIALIZE)
        session = self.connection.header(b"mcp-session-id").decode()
        self.headers |= {"mcp_session_id": session, "mcp_protocol_version": LEGACY}
        self.exchange(self.message("notifications/initialized"))

    def message(self, method, **params):
        return request(self.port, "POST", self.text(method, **params), **self.headers)

    def stream(self):
        self.ask("resources/subscribe", uri="maya://sessions")
        self.connection.socket.sendall(request(self.port, "GET", **self.headers))
        self.connection.begin()
        return self.connection.socket


class Bridged(Client):
    """By `maya-mcp stdio`, as most clients come."""

    def __init__(self, cli, home):
        super().__init__()
        self.process = subprocess.Popen(
            [cli, "--home", home, "stdio", "--client", "bench"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.ask("initialize", **INITIALIZE)
        self.process.stdin.write(self.message("notifications/initialized"))
        self.process.stdin.flush()

    def message(self, method, **params):
        return self.text(method, **params) + b"\n"

    def exchange(self, message):
        self.process.stdin.write(message)
        self.process.stdin.flush()
        # Nothing else comes while these calls run: they ask for no progress.
        return self.process.stdout.readline()

    def close(self):
        self.process.communicate()


class BridgedModern(Bridged):
    modern = True


def read(body):
    """The answer in it, whether it is plain or a stream of events."""
    for line in body.splitlines():
        text = line.removeprefix(b"data:").strip()
        if text.startswith(b"{"):
            message = json.loads(text)
            if "result" in message:
                return message["result"]
            if "error" in message:
                raise AssertionError(message["error"])
    raise AssertionError(f"no answer in {body[:1000]}")


def tool_answer(result):
    if result.get("isError"):
        raise AssertionError(result["content"])
    return result["structuredContent"]
