"""What is told on the desktop, and what is not; and what can be done right there."""

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from .waiting import until

CRASHED = "Maya 2025 closed unexpectedly"
READY = "Maya 2025 is ready"


@pytest.fixture
def tray(desktop):
    """The program, with a desktop that shows notices."""
    host = desktop.tray_host()
    desktop.shown = desktop.notices()
    desktop.program = desktop.start()
    return desktop.menu(host)


def is_told(desktop, title):
    return title in desktop.shown.titles()


def crash(maya):
    """As Maya does it: it saves what it can. Gives the path."""
    recovered = maya.control("crash", signal="SIGSEGV")["recovered"]
    maya.wait()
    return recovered


@pytest.fixture
def crashed(desktop, tray):
    """A Maya that was at work, and what it left."""
    maya = desktop.maya("2025", scene="shot_010.ma")
    until(lambda: is_told(desktop, READY), what="Maya, ready")
    path = crash(maya)
    until(lambda: is_told(desktop, CRASHED), what="the crash")
    return maya, path


def press_until(desktop, words, found, what):
    """The program hears of presses from a moment after its notice is there."""

    def is_heard():
        desktop.shown.press(CRASHED, words)
        return found()

    until(is_heard, what=what)


@pytest.fixture
def starter(desktop, crashed):
    """In place of the program that sets up a Maya and starts it: writes down what it is told."""
    maya, _ = crashed
    started = desktop.path / "started"
    file = Path(maya.process.args[0]).with_name("maya")
    file.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" > {started}.part\nmv {started}.part {started}\n"
    )
    file.chmod(0o755)
    yield started
    file.unlink()


def test_a_recovered_scene_is_opened_from_its_notice(desktop, crashed, starter):
    _, path = crashed
    assert path in dict(desktop.shown.shown)[CRASHED], "where the work is"
    words = ["Open recovered scene", "Show folder"]
    assert list(desktop.shown.buttons(CRASHED)) == words, "what can be done"
    press_until(desktop, words[0], starter.exists, what="a Maya being started")
    assert starter.read_text().splitlines() == ["-file", path], "with the scene"


def test_a_recovered_scene_is_shown_where_it_lies(desktop, crashed):
    _, path = crashed
    files = desktop.files()
    press_until(desktop, "Show folder", lambda: files.pointed_at, what="the folder")
    shown = urlsplit(files.pointed_at[0])
    assert unquote(shown.path) == str(Path(path).resolve()), "with the file marked"


def test_a_recovered_scene_that_is_gone_is_told(desktop, crashed):
    _, path = crashed
    Path(path).unlink()
    title = "The recovered scene could not be opened"
    opened = lambda: is_told(desktop, title)  # noqa: E731
    press_until(desktop, "Open recovered scene", opened, what="the reason")
    assert path in dict(desktop.shown.shown)[title], "which one"


def test_mayas_that_are_there_at_the_start_are_one_notice(desktop):
    mayas = [desktop.maya("2025"), desktop.maya("2026"), desktop.maya_that_asks("2024")]
    desktop.tray_host()
    shown = desktop.notices()
    desktop.start()
    until(lambda: shown.shown, what="a notice")
    assert shown.titles() == ["3 Maya sessions found"], "one for all"
    for maya in mayas:
        assert f"maya-{maya.pid}" in shown.shown[0][1], "with their names"


def test_a_later_notice_takes_the_place_of_the_one_before(desktop, crashed):
    until(lambda: list(desktop.shown.open.values()) == [CRASHED], what="one notice")
    assert desktop.shown.replaced == [READY], "in its place, not beside it"


def test_what_is_turned_off_is_not_told(desktop):
    keys = json.loads((desktop.home.ours / "settings.json").read_text())
    desktop.home.settings(**keys, notices_off=["ready"])
    host = desktop.tray_host()
    shown = desktop.notices()
    desktop.start()
    menu = desktop.menu(host)
    maya = desktop.maya("2025", scene="shot_010.ma")
    until(lambda: menu.line(f"shot_010.ma (maya-{maya.pid})"), what="Maya, ready")
    crash(maya)
    until(lambda: CRASHED in shown.titles(), what="the crash")
    assert shown.titles() == [CRASHED], "nothing else"


def test_a_notification_daemon_that_comes_late_is_used(desktop):
    host = desktop.tray_host()
    desktop.start()
    menu = desktop.menu(host)
    first = desktop.maya("2025")
    until(lambda: menu.line(f"maya-{first.pid})"), what="Maya in the menu")
    until(lambda: "notices cannot be shown" in desktop.log(), what="the warning")
    shown = desktop.notices()
    desktop.maya("2026")
    until(lambda: "Maya 2026 is ready" in shown.titles(), what="a notice")
    crash(first)
    until(lambda: CRASHED in shown.titles(), what="another one")
    assert desktop.log().count("notices cannot be shown") == 1, "it was said once"
