"""The window, opened and worked as a person does it."""

import json

import pytest

from .waiting import until


@pytest.fixture
def host(desktop):
    desktop.notices()
    return desktop.tray_host()


def test_the_window_shows_the_mayas_and_connects_a_client(desktop, host, pictures):
    first = desktop.maya("2025", scene="shot_010.ma")
    second = desktop.maya("2026")
    window = desktop.browse()
    menu = desktop.menu(host)
    menu.click("Open Maya MCP Tray")
    window.attach()

    phase = f"phase-maya-{first.pid}"
    until(lambda: window.attribute(phase, "data-phase") == "ready", what="the first Maya, ready")
    until(lambda: "shot_010.ma" in window.text(f"session-maya-{first.pid}"), what="its scene")
    until(lambda: window.find(f"session-maya-{second.pid}"), what="the second Maya")
    assert "127.0.0.1:" in window.text("endpoint"), "where the endpoint is"

    choice = f"session-maya-{second.pid}"
    window.click(choice)
    until(lambda: window.checked(choice), what="the choice in the window")
    row = f"[x] Maya 2026 — untitled scene (maya-{second.pid})"
    until(lambda: row in menu.lines(), what="the same choice in the tray")

    connect_and_disconnect_claude_code(desktop, window, pictures)

    window.click("copy-config")
    until(lambda: window.find("copied"), what="the answer")
    assert "mcpServers" in until(desktop.screen.clipboard, what="a text there"), "as was said"

    window.click("start-at-login")
    until(lambda: window.attribute("start-at-login", "aria-checked") == "true", what="the switch")
    until(lambda: menu.line("Start at login") == "[x] Start at login", what="the same in the tray")

    second.process.kill()
    second.wait()
    until(lambda: not window.find(choice), what="the killed Maya going")
    desktop.screen.picture(pictures / "window-on-screen.png")


def connect_and_disconnect_claude_code(desktop, window, pictures):
    before = '{\n  "numStartups": 7\n}\n'
    desktop.home.code.write_text(before)
    state = lambda: window.attribute("client-claude-code", "data-state")  # noqa: E731
    window.click("connect-claude-code")
    until(lambda: window.find("preview-dialog"), what="the preview")
    window.picture(pictures / "preview.png")
    assert desktop.home.code.read_text() == before, "nothing is written before it was confirmed"
    window.click("preview-confirm")
    until(lambda: state() == "connected", what="the new state")
    entry = json.loads(desktop.home.code.read_text())["mcpServers"]["maya"]
    token = (desktop.home.ours / "tokens/claude-code").read_text().strip()
    assert entry["headers"]["Authorization"] == f"Bearer {token}", "the client's own token"
    endpoint = json.loads((desktop.home.ours / "endpoint.json").read_text())["endpoint"]
    assert entry["url"] == endpoint, "and our endpoint"
    until(lambda: window.find("outcome-claude-code"), what="what came of it")
    window.picture(pictures / "window.png")
    window.click("disconnect-claude-code")
    until(lambda: state() == "not_connected", what="the old state")
    assert desktop.home.code.read_text() == before, "byte for byte as before"


def test_what_changed_outside_is_seen_when_the_window_gets_the_focus(desktop, host):
    window = desktop.browse("--window")
    window.attach()
    state = lambda: window.attribute("client-claude-desktop", "data-state")  # noqa: E731
    until(lambda: state() == "not_connected", what="Claude Desktop")
    desktop.home.desktop.write_text("{ not json")
    desktop.screen.look_away_and_back()
    until(lambda: state() == "unreadable", what="the broken file")


def test_a_closed_window_is_gone_and_opens_again(desktop, host):
    program = desktop.start()
    menu = desktop.menu(host)
    for _ in range(2):
        menu.click("Open Maya MCP Tray")
        until(desktop.screen.windows, what="the window")
        until(program.web_views, what="its web view")
        desktop.screen.close_window()
        until(lambda: not desktop.screen.windows(), what="the window going")
        until(lambda: not program.web_views(), what="its web view's process ending")
        assert program.process.poll() is None, "the tray stays"


def test_a_second_start_shows_the_window_of_the_first(desktop, host):
    first = desktop.start()
    desktop.menu(host)
    assert not desktop.screen.windows(), "the first start shows none"
    second = desktop.start()
    assert second.ended(10) == 0, "the second one has nothing to do"
    until(desktop.screen.windows, what="the window of the first")
    assert first.process.poll() is None, "which runs on"
    first.terminate()
    assert first.ended() == 0, "and ends in time, its window open"
