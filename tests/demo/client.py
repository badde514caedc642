"""As Claude Desktop does: reads its settings, starts what stands there, speaks MCP to it.

The protocol is the Python SDK's, other people's code.
"""

import json
import warnings
from contextlib import asynccontextmanager

import mcp_types as types
from mcp import Client, MCPDeprecationWarning, StdioServerParameters
from mcp.client.stdio import stdio_client

from .inbox import Inbox

SESSIONS = "maya://sessions"

# Claude Desktop speaks the protocol of before 2026-07-28, which the SDK speaks under protest.
warnings.filterwarnings("ignore", category=MCPDeprecationWarning)


class ClaudeDesktop:
    def __init__(self, client, pushed):
        self._client = client
        self.pushed = pushed

    async def tools(self):
        return [tool.name for tool in (await self._client.list_tools()).tools]

    async def sessions(self):
        """`{"sessions": [...], "changes": [...]}`"""
        return await self._call("list_sessions", {})

    async def run(self, session, code):
        return await self._call("execute_code", {"session": session, "code": code})

    async def _call(self, tool, arguments):
        answer = await self._client.call_tool(tool, arguments)
        text = "\n".join(block.text for block in answer.content if block.type == "text")
        if answer.is_error:
            raise RuntimeError(text)
        return answer.structured_content or json.loads(text)


def entry(settings):
    """The one entry of ours in the settings file."""
    servers = json.loads(settings.read_text(encoding="utf-8"))["mcpServers"]
    [(name, entry)] = servers.items()
    return name, entry


@asynccontextmanager
async def start(settings, home, log):
    """Starts the entry, in the environment that the SDK hands down, with the artist's home."""
    _, found = entry(settings)
    env = {"HOME": str(home), **found.get("env", {})}
    server = StdioServerParameters(command=found["command"], args=found["args"], env=env, cwd="/")
    pushed = Inbox()

    async def take(message):
        if isinstance(message, types.ResourceUpdatedNotification):
            pushed.put(f"{message.method} {message.params.uri}")
        elif not isinstance(message, Exception):
            pushed.put(message.method)

    with log.open("a", encoding="utf-8") as errors:
        transport = stdio_client(server, errlog=errors)
        info = types.Implementation(name="claude-desktop-stand-in", version="1")
        async with Client(
            transport, mode="legacy", message_handler=take, client_info=info
        ) as client:
            await client.subscribe_resource(SESSIONS)
            yield ClaudeDesktop(client, pushed)
