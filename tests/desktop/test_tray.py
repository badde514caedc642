"""The tray and its notices."""

import json
import os
from pathlib import Path

import pytest

from .waiting import until


def helper_is_in(maya):
    return "maya-mcp-helper" in maya.control("state")["threads"]


@pytest.fixture
def tray(desktop):
    """The program with its menu, and a desktop that shows notices."""
    host = desktop.tray_host()
    desktop.shown = desktop.notices()
    desktop.program = desktop.start()
    return desktop.menu(host)


def test_the_menu_lists_each_maya_and_a_click_chooses_one(desktop, tray):
    until(lambda: "(No Maya is running)" in tray.lines(), what="the empty menu")
    first = desktop.maya("2025", scene="shot_010.ma")
    row = f"Maya 2025 — shot_010.ma (maya-{first.pid})"
    until(lambda: f"[x] {row}" in tray.lines(), what="the only Maya, in use by itself")
    until(lambda: "Maya 2025 is ready" in desktop.shown.titles(), what="a notice of it")

    second = desktop.maya("2026")
    other = f"Maya 2026 — untitled scene (maya-{second.pid})"
    until(lambda: tray.lines()[:2] == [f"[ ] {row}", f"[ ] {other}"], what="two, none in use")
    tray.click(other)
    until(lambda: tray.lines()[:2] == [f"[ ] {row}", f"[x] {other}"], what="the chosen one")
    tray.click(row)
    until(lambda: tray.lines()[:2] == [f"[x] {row}", f"[ ] {other}"], what="the other one")
    tray.click(row)
    until(lambda: tray.lines()[:2] == [f"[ ] {row}", f"[ ] {other}"], what="the choice taken back")

    first.process.kill()
    first.wait()
    title = "Maya 2025 closed unexpectedly"
    until(lambda: tray.line("2025") == f"{title}: shot_010.ma >", what="its crash in its place")
    until(lambda: title in desktop.shown.titles(), what="a notice of the crash")
    body = dict(desktop.shown.shown)[title]
    assert "shot_010.ma" in body, "what was open is told"


def test_the_only_maya_stays_marked_when_it_is_clicked(desktop, tray):
    maya = desktop.maya("2025")
    row = f"Maya 2025 — untitled scene (maya-{maya.pid})"
    until(lambda: f"[x] {row}" in tray.lines(), what="the only Maya")
    # The click takes the mark away by itself; the program must draw it again.
    for _ in range(2):
        tray.click(row)
        until(lambda: f"[x] {row}" in tray.lines(), what="the mark")


def test_claude_desktop_is_connected_by_one_click(desktop, tray):
    tray.click("Connect Claude Desktop")
    until(lambda: tray.line("Claude Desktop") == "[x] Claude Desktop is connected", what="the mark")
    entry = json.loads(desktop.home.desktop.read_text())["mcpServers"]["maya"]
    assert os.access(entry["command"], os.X_OK), "the entry starts a program that is there"
    assert entry["args"] == ["stdio", "--client", "claude-desktop"], (
        "as the bridge, under the client's name"
    )
    assert (desktop.home.ours / "tokens/claude-desktop").is_file(), "and the client has a token"
    until(lambda: "Claude Desktop is connected" in desktop.shown.titles(), what="a notice of it")


def test_settings_that_cannot_be_read_are_left_alone_and_shown_in_the_window(desktop, tray):
    until(lambda: tray.line("Connect Claude Desktop"), what="the row of a client in order")
    desktop.home.desktop.write_text("{ not json")
    tray.click("Connect Claude Desktop")
    title = "Claude Desktop is not connected"
    until(lambda: title in desktop.shown.titles(), what="a notice that says so")
    assert desktop.home.desktop.read_text() == "{ not json", "the file is as it was"
    tray.click("Claude Desktop: settings cannot be read")
    until(desktop.screen.windows, what="the window")


def test_the_configuration_for_another_client_stays_on_the_clipboard(desktop, tray):
    tray.click("Copy config")
    until(lambda: "Copied" in desktop.shown.titles(), what="a notice of it")
    text = until(desktop.screen.clipboard, what="a text on the clipboard")
    entry = json.loads(text)["mcpServers"]["maya"]
    assert entry["args"] == ["stdio", "--client", "other"], "ready to be pasted"
    assert Path(desktop.home.ours / "tokens/other").read_text() not in text, "and without a secret"


def test_start_at_login_is_turned_on_and_off(desktop, tray):
    until(lambda: tray.line("Start at login") == "[ ] Start at login", what="the row")
    tray.click("Start at login")
    until(lambda: tray.line("Start at login") == "[x] Start at login", what="the mark")
    # GTK sets the mark by itself, a moment before the program has done what it says.
    until(lambda: list(desktop.home.autostart.glob("*.desktop")), what="the entry")
    (entry,) = desktop.home.autostart.glob("*.desktop")
    until(lambda: entry.read_text(), what="its text")
    assert "maya-mcp-tray" in entry.read_text(), "the desktop starts this program"
    tray.click("Start at login")
    until(lambda: tray.line("Start at login") == "[ ] Start at login", what="the mark going")
    until(lambda: not entry.exists(), what="the entry going")


@pytest.mark.parametrize("how", ["Quit", "SIGTERM"])
def test_quitting_ends_everything_and_leaves_every_maya(desktop, tray, how):
    maya = desktop.maya("2025")
    ready = f"[x] Maya 2025 — untitled scene (maya-{maya.pid})"
    until(lambda: ready in tray.lines(), what="Maya, ready")
    assert helper_is_in(maya), "the helper is at work"
    endpoint = desktop.home.ours / "endpoint.json"
    assert endpoint.is_file(), "clients find the endpoint"
    if how == "Quit":
        tray.click("Quit")
    else:
        desktop.program.terminate()
    assert desktop.program.ended() == 0, "it ended by itself and in time"
    until(lambda: not helper_is_in(maya), what="the helper leaving Maya")
    assert maya.process.poll() is None, "Maya itself runs on"
    assert not endpoint.exists(), "no client is led to an endpoint that is gone"
