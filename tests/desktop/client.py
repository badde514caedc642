"""A client program that calls one tool at a time, each call in a thread of its own."""

import json
import subprocess
import threading
import urllib.request

from .program import TRAY
from .waiting import DEADLINE, until

VERSION = "2026-07-28"


class Client:
    """`name` is that of its token, which is made by the program for a shell."""

    def __init__(self, desktop, name):
        self._ours = desktop.home.ours
        command = [TRAY.parent / "maya-mcp", "--home", self._ours, "token", name]
        made = subprocess.run(command, env=desktop.environment, capture_output=True, check=True)
        self._token = made.stdout.decode().strip()

    def runs(self, code):
        """A call of execute_code that is under way."""
        return Call(lambda: self._call("execute_code", {"code": code}))

    def _call(self, tool, arguments):
        endpoint = until(self._endpoint, what="the endpoint")
        prefix = "io.modelcontextprotocol/"
        meta = {
            prefix + "protocolVersion": VERSION,
            prefix + "clientInfo": {"name": "desktop-tests", "version": "1"},
            prefix + "clientCapabilities": {},
        }
        params = {"name": tool, "arguments": arguments, "_meta": meta}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": VERSION,
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
        }
        request = urllib.request.Request(endpoint, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return _answer(reply.read().decode())

    def _endpoint(self):
        file = self._ours / "endpoint.json"
        return file.exists() and json.loads(file.read_text())["endpoint"]


class Call:
    def __init__(self, call):
        self._result = None
        self._failure = None
        self._thread = threading.Thread(target=self._run, args=[call], daemon=True)
        self._thread.start()

    def _run(self, call):
        try:
            self._result = call()
        except OSError as error:
            self._failure = error

    def is_under_way(self):
        return self._thread.is_alive()

    def result(self):
        """What came of it: the tool's own answer, or its words where it refused."""
        self._thread.join(DEADLINE)
        assert self._result, f"no answer: {self._failure}"
        if self._result.get("isError"):
            return self._result["content"][0]["text"]
        return self._result["structuredContent"]["result"]


def _answer(text):
    """Plain, or as the last event of a stream."""
    if not text.startswith("{"):
        text = [line[5:] for line in text.splitlines() if line.startswith("data:")][-1]
    message = json.loads(text)
    return message["result"]
