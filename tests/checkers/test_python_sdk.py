"""The Python SDK lists, calls and is told of a new Maya, in both protocol eras."""

import asyncio

import httpx2
import mcp_types as types
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.client.subscriptions import ResourceUpdated

SESSIONS = "maya://sessions"
# A person would call it broken after this long.
DEADLINE = 30.0

# The protocol of before 2026-07-28 is spoken under protest.
pytestmark = pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")


@pytest.fixture
def visit(engine):
    """Runs `work(client)` with a client of this mode, to which `on_message` belongs."""

    def visit(mode, work, on_message=None):
        async def all_of_it():
            headers = {"Authorization": f"Bearer {engine.token('python-sdk')}"}
            async with httpx2.AsyncClient(headers=headers, timeout=DEADLINE) as http:
                transport = streamable_http_client(engine.endpoint, http_client=http)
                async with Client(transport, mode=mode, message_handler=on_message) as client:
                    await work(client)

        asyncio.run(asyncio.wait_for(all_of_it(), 2 * DEADLINE))

    return visit


def in_its_era(client, mode):
    wanted = {"auto": "2026-07-28", "legacy": "2025-11-25"}[mode]
    assert client.protocol_version == wanted, "no era is the fallback of the other"


async def sessions(client):
    answer = await client.call_tool("list_sessions", {})
    assert not answer.is_error, answer
    return [session["session"] for session in answer.structured_content["sessions"]]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_it_lists_and_calls(visit, mode):
    async def work(client):
        in_its_era(client, mode)
        assert client.server_info.name == "maya-mcp", "the one it was sent to"
        tools = [tool.name for tool in (await client.list_tools()).tools]
        assert "list_sessions" in tools, tools
        assert await sessions(client) == [], "no Maya runs where this engine looks"

    visit(mode, work)


def test_a_modern_one_that_listens_is_told_of_a_new_maya(visit, maya):
    async def work(client):
        in_its_era(client, "auto")
        async with client.listen(resource_subscriptions=[SESSIONS]) as listening:
            assert listening.honored.resource_subscriptions == [SESSIONS], "the wish is granted"
            new = await asyncio.to_thread(maya)
            async with asyncio.timeout(DEADLINE):
                async for event in listening:
                    assert event == ResourceUpdated(uri=SESSIONS), "nothing else was wished for"
                    if f"maya-{new.pid}" in await sessions(client):
                        return
        raise AssertionError("the stream ended before it told of the new Maya")

    visit("auto", work)


def test_a_legacy_one_that_subscribed_is_told_of_a_new_maya(visit, maya):
    told = asyncio.Queue()

    async def take(message):
        if isinstance(message, types.ResourceUpdatedNotification):
            told.put_nowait(message.params.uri)

    async def work(client):
        in_its_era(client, "legacy")
        await client.subscribe_resource(SESSIONS)
        new = await asyncio.to_thread(maya)
        async with asyncio.timeout(DEADLINE):
            while True:
                assert await told.get() == SESSIONS, "nothing else was subscribed to"
                if f"maya-{new.pid}" in await sessions(client):
                    return

    visit("legacy", work, take)
