"""The server `maya-mcp-server` as others published it, started as its users start it.

Invariant: it speaks MCP over stdio, from an environment of its own, and is gone after leave().
"""

import json
import os
import select
import subprocess
import time

from conftest import ROOT

FOLDER = ROOT / "target" / "venv-published"
PROGRAM = FOLDER / ("Scripts" if os.name == "nt" else "bin") / "maya-mcp-server"


class Published:
    """One running server, and its one client."""

    def __init__(self, *arguments, deadline=30.0):
        self._deadline = deadline
        self._number = 0
        self._unread = b""
        self.process = subprocess.Popen(
            [str(PROGRAM), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # It greets in colours, and asks the network for a newer one of itself.
            env={**os.environ, "FASTMCP_SHOW_CLI_BANNER": "0", "FASTMCP_CHECK_FOR_UPDATES": "off"},
        )

    def greet(self):
        """Begins the conversation, once it has started: that takes it some seconds."""
        client = {"name": "test", "version": "1"}
        self._ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo=client)
        self._say(method="notifications/initialized")

    def call(self, tool, **arguments):
        """What the tool gives; its error is raised."""
        result = self._ask("tools/call", name=tool, arguments=arguments)
        text = "".join(part.get("text", "") for part in result["content"])
        if result.get("isError"):
            raise RuntimeError(text)
        given = result.get("structuredContent")
        if given is None:  # What may be anything comes as text alone.
            return json.loads(text) if text else None
        return given["result"] if set(given) == {"result"} else given

    def read(self, uri):
        """A resource's text as an object."""
        return json.loads(self._ask("resources/read", uri=uri)["contents"][0]["text"])

    def session_of(self, sim, deadline=10.0):
        """The key of the session with that process, once it has found it."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            for session in self.call("list_sessions"):
                if session["pid"] == sim.pid:
                    return session["session_key"]
        raise TimeoutError("it has not found the Maya")

    def execute(self, session, code, result_type="JSON"):
        """The value of the code's last line."""
        return self.call("execute_code", code=code, result_type=result_type, session_key=session)

    def leave(self):
        """Ends it as a client does: by the end of its input."""
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()

    def _ask(self, method, **params):
        self._number += 1
        self._say(id=self._number, method=method, params=params)
        while True:
            message = json.loads(self._line())
            if message.get("id") == self._number and "method" not in message:
                if "error" in message:
                    raise RuntimeError(message["error"])
                return message["result"]

    def _say(self, **message):
        line = json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def _line(self):
        end = time.monotonic() + self._deadline
        while b"\n" not in self._unread:
            rest = max(0.0, end - time.monotonic())
            readable, _, _ = select.select([self.process.stdout], [], [], rest)
            part = os.read(self.process.stdout.fileno(), 65536) if readable else b""
            if not part:
                raise TimeoutError("the published server says nothing")
            self._unread += part
        line, self._unread = self._unread.split(b"\n", 1)
        return line
