"""Claude Code connects, over HTTP and through the bridge, in both protocol eras."""

import pytest

from .programs import CLAUDE_CODE, MAYA_MCP, run

# What Claude Code is told, and what it speaks then.
both_eras = pytest.mark.parametrize(
    "era,version", [("legacy", "2025-11-25"), ("auto", "2026-07-28")]
)


def add(home, *server):
    added = run(CLAUDE_CODE, "mcp", "add", "-s", "user", *server, home=home)
    assert added.code == 0, added


def listed(home, era):
    """What it says of its one server."""
    answer = run(CLAUDE_CODE, "mcp", "list", home=home, MCP_PROTOCOL_NEGOTIATION=era)
    assert answer.code == 0, answer
    lines = [line for line in answer.out.splitlines() if line.startswith("maya: ")]
    assert len(lines) == 1, f"the server is listed\n{answer}"
    return lines[0]


@both_eras
def test_it_connects_over_http(engine, home, spoken, era, version):
    token = f"Authorization: Bearer {engine.token('claude-code')}"
    add(home, "-t", "http", "maya", engine.endpoint, "-H", token)
    assert listed(home, era).endswith("✔ Connected"), "with the token of its own"
    spoken(version)


@both_eras
def test_it_connects_through_the_bridge(engine, home, spoken, era, version):
    # Without a token the bridge answers for itself, and Claude Code calls that connected too.
    engine.token("claude-code")
    add(home, "maya", "--", MAYA_MCP, "--home", engine.home, "stdio", "--client", "claude-code")
    assert listed(home, era).endswith("✔ Connected"), "the bridge finds the engine in its home"
    spoken(version)


@both_eras
def test_without_a_token_it_does_not_connect(engine, home, era, version):
    add(home, "-t", "http", "maya", engine.endpoint)
    assert "Connected" not in listed(home, era), "so that the other tests show something"
