"""Connecting is the artist's to choose: in the tray, in a notice, and in the window."""

import json

import pytest

from .waiting import until


@pytest.fixture
def tray(desktop):
    host = desktop.tray_host()
    desktop.shown = desktop.notices()
    desktop.start()
    return desktop.menu(host)


@pytest.fixture
def window(desktop):
    desktop.shown = desktop.notices()
    desktop.tray_host()
    window = desktop.browse("--window")
    window.attach()
    return window


def row(maya, state="", scene=""):
    return f"Maya {maya.ready['version']}{scene} (maya-{maya.pid}){state}"


def ready(maya):
    return f"[x] {row(maya, scene=' — untitled scene')}"


def was_asked(maya):
    return bool(maya.control("state")["dialogs"]["history"])


def allow(maya):
    maya.control("wait_dialog", count=1)
    maya.control("answer", answer="allow-all")


def paste(maya, line):
    """What the artist does in the Script Editor."""
    maya.control("eval", code=f"__import__('maya.mel').mel.eval({line!r})")


def test_a_maya_that_would_ask_waits_for_connect_in_the_tray(desktop, tray):
    maya = desktop.maya_that_asks("2025")
    until(lambda: f"[x] {row(maya, ', not connected')}" in tray.lines(), what="Maya, waiting")
    assert not was_asked(maya), "nothing pops up in Maya by itself"
    tray.click(f"Connect Maya 2025 — maya-{maya.pid}")
    maya.control("wait_dialog", count=1)
    asked = f"[x] {row(maya, ', waits for your permission')}"
    until(lambda: asked in tray.lines(), what="the dialog told")
    assert tray.line("Connect Maya") is None, "there is nothing more to choose here"
    allow(maya)
    until(lambda: ready(maya) in tray.lines(), what="Maya, ready")


def test_connect_in_the_notice_does_the_same(desktop, tray):
    maya = desktop.maya_that_asks("2025")
    until(lambda: "Connect Maya 2025?" in desktop.shown.titles(), what="the question")
    assert not was_asked(maya), "nothing pops up in Maya by itself"

    def is_heard():
        # The program hears of presses from a moment after its notice is there.
        desktop.shown.press("Connect Maya 2025?", "Connect")
        return f"[x] {row(maya, ', waits for your permission')}" in tray.lines()

    until(is_heard, what="the press heard")
    maya.control("wait_dialog", count=1)
    warning = "Maya 2025 is about to ask for permission"
    assert warning in desktop.shown.titles(), "it was said before Maya's dialog opened"
    assert "Allow All" in dict(desktop.shown.shown)[warning], "with what to choose there"
    allow(maya)
    until(lambda: ready(maya) in tray.lines(), what="Maya, ready")
    until(lambda: warning in desktop.shown.closed, what="the warning going")


def test_a_question_that_was_answered_in_the_tray_leaves_the_desktop(desktop, tray):
    maya = desktop.maya_that_asks("2025")
    until(lambda: "Connect Maya 2025?" in desktop.shown.titles(), what="the question")
    tray.click("Connect Maya 2025")
    until(lambda: "Connect Maya 2025?" in desktop.shown.closed, what="the question going")
    allow(maya)
    until(lambda: ready(maya) in tray.lines(), what="Maya, ready")


def test_after_deny_the_artist_can_be_asked_again(desktop, tray):
    maya = desktop.maya_that_asks("2025")
    tray.click("Connect Maya 2025")
    maya.control("wait_dialog", count=1)
    maya.control("answer", answer="deny")
    until(lambda: f"[x] {row(maya, ', not reachable')}" in tray.lines(), what="Deny told")
    tray.click(f"Connect Maya 2025 again — maya-{maya.pid}")
    maya.control("wait_dialog", count=2)
    maya.control("answer", answer="allow-all")
    until(lambda: ready(maya) in tray.lines(), what="Maya, ready")


def test_the_line_for_a_maya_without_a_port_is_copied_in_the_tray(desktop, tray):
    maya = desktop.maya_without_port("2025")
    tray.click("Copy the line for Maya 2025's Script Editor")
    until(lambda: "Copied" in desktop.shown.titles(), what="a notice of it")
    assert "MEL tab" in dict(desktop.shown.shown)["Copied"], "with the next step"
    line = until(desktop.screen.clipboard, what="a text on the clipboard")
    assert line.startswith("commandPort"), "ready to be pasted"
    paste(maya, line)
    until(lambda: f"[ ] {row(maya, scene=' — untitled scene')}" in tray.lines(), what="Maya, ready")


def test_the_window_connects_a_maya_and_copies_a_line(desktop, window, pictures):
    asking = desktop.maya_that_asks("2025")
    portless = desktop.maya_without_port("2026")
    phase = lambda maya: window.attribute(f"phase-maya-{maya.pid}", "data-phase")  # noqa: E731
    until(lambda: phase(asking) == "awaiting_connect", what="the first Maya, waiting")
    until(lambda: window.find(f"line-maya-{portless.pid}"), what="the line of the second")
    window.picture(pictures / "waiting.png")
    window.click(f"connect-maya-{asking.pid}")
    until(lambda: phase(asking) == "awaiting_permission", what="the dialog told")
    allow(asking)
    until(lambda: phase(asking) == "ready", what="the first Maya, ready")
    line = window.text(f"line-maya-{portless.pid}").strip()
    window.click(f"copy-line-maya-{portless.pid}")
    until(lambda: desktop.screen.clipboard() == line, what="the line on the clipboard")
    paste(portless, line)
    until(lambda: phase(portless) == "ready", what="the second Maya, ready")


def test_what_happens_to_a_found_maya_is_set_in_the_window(desktop, window):
    settings = lambda: json.loads((desktop.home.ours / "settings.json").read_text())  # noqa: E731
    before = settings()
    until(lambda: window.checked("connect-choice-ask"), what="the default")
    window.click("connect-choice-auto")
    until(lambda: window.checked("connect-choice-auto"), what="the choice")
    assert settings() == {**before, "connect": "auto"}, "it is kept, and nothing else changes"
    maya = desktop.maya_that_asks("2025")
    maya.control("wait_dialog", count=1)
    window.click("connect-choice-manual")
    until(lambda: window.checked("connect-choice-manual"), what="the other choice")
    other = desktop.maya_that_asks("2026")
    phase = lambda: window.attribute(f"phase-maya-{other.pid}", "data-phase")  # noqa: E731
    until(lambda: phase() == "awaiting_connect", what="the second Maya, waiting")
    assert "Connect Maya 2026?" not in desktop.shown.titles(), "and nobody is asked"


def test_a_version_is_made_to_connect_by_itself(desktop, pictures):
    file = desktop.home.path / "maya/2025/scripts/userSetup.py"
    file.parent.mkdir(parents=True)
    before = b"print('J\xf6rg')"  # Latin-1, and no end of line
    file.write_bytes(before)
    desktop.notices()
    desktop.tray_host()
    window = desktop.browse("--window")
    window.attach()
    state = lambda: window.attribute("start-up-2025", "data-state")  # noqa: E731
    until(lambda: state() == "off", what="the version")
    window.click("start-up-switch-2025")
    until(lambda: window.find("start-up-dialog"), what="the lines to be added")
    assert file.read_bytes() == before, "nothing is written before it was confirmed"
    window.picture(pictures / "start-up.png")
    window.click("start-up-confirm")
    until(lambda: state() == "on", what="the new state")
    until(lambda: not window.find("start-up-dialog"), what="the dialog closed")
    assert b"start_up" in file.read_bytes(), "our lines are in"
    window.click("start-up-switch-2025")
    until(lambda: state() == "off", what="the old state")
    assert file.read_bytes() == before, "byte for byte as before"


def test_a_version_that_was_turned_on_connects_without_a_port(desktop, window):
    (desktop.home.path / "maya/2025").mkdir(parents=True)
    # What has come meanwhile is seen when the window gets the focus.
    desktop.screen.look_away_and_back()
    window.click("start-up-switch-2025")
    window.click("start-up-confirm")
    state = lambda: window.attribute("start-up-2025", "data-state")  # noqa: E731
    until(lambda: state() == "on", what="the new state")
    maya = desktop.maya_with_start_up("2025")
    phase = lambda: window.attribute(f"phase-maya-{maya.pid}", "data-phase")  # noqa: E731
    until(lambda: phase() == "ready", what="Maya, ready")


def test_a_maya_is_added_by_its_port_and_taken_off_the_list(desktop, window):
    maya = desktop.maya_elsewhere("2025")
    port = maya.port("python").rsplit(":", 1)[1]
    name = f"maya-127.0.0.1:{port}"
    window.click("add-session")
    window.write("add-port", "seven")
    window.click("add-submit")
    until(lambda: window.text("add-error"), what="what is wrong with the port")
    window.write("add-port", port)
    window.click("add-submit")
    phase = lambda: window.attribute(f"phase-{name}", "data-phase")  # noqa: E731
    until(lambda: phase() == "ready", what="the added Maya, ready")
    window.click("add-session")
    window.write("add-port", port)
    window.click("add-submit")
    until(lambda: "listed already" in (window.text("add-error") or ""), what="it is there")
    window.click(f"remove-{name}")
    until(lambda: not window.find(f"session-{name}"), what="it going")
    assert maya.process.poll() is None, "Maya itself runs on"


def test_a_maya_on_another_machine_needs_leave_and_a_warning(desktop):
    keys = json.loads((desktop.home.ours / "settings.json").read_text())
    desktop.home.settings(**keys, remote_hosts=True)
    desktop.notices()
    desktop.tray_host()
    window = desktop.browse("--window")
    window.attach()
    window.click("add-session")
    # An address of documentation: nobody is there.
    window.write("add-host", "192.0.2.1")
    window.write("add-port", "7001")
    window.click("add-submit")
    until(lambda: "no authentication" in (window.text("add-warning") or ""), what="the warning")
    assert not window.find("session-maya-192.0.2.1:7001"), "nothing is added before it was read"
    window.click("add-anyway")
    until(lambda: window.find("session-maya-192.0.2.1:7001"), what="the added Maya")


def test_without_leave_another_machine_is_refused(desktop, window):
    window.click("add-session")
    window.write("add-host", "192.0.2.1")
    window.write("add-port", "7001")
    window.click("add-submit")
    until(lambda: "remote_hosts" in (window.text("add-error") or ""), what="the next step")
