"""What the artist is told beside notices, and how less of it is wished for."""

import datetime
import json
from pathlib import Path

import pytest

from .waiting import until

CRASHED = "Maya 2025 closed unexpectedly"


@pytest.fixture
def host(desktop):
    desktop.shown = desktop.notices()
    return desktop.tray_host()


@pytest.fixture
def tray(desktop, host):
    desktop.program = desktop.start()
    return desktop.menu(host)


@pytest.fixture
def window(desktop, host):
    window = desktop.browse("--window")
    window.attach()
    return window


@pytest.fixture
def maya(desktop):
    return desktop.maya("2025", scene="shot_010.ma")


@pytest.fixture
def started(maya):
    """What Maya's own starter was called with: a stand-in that writes it down."""
    starter = Path(maya.process.args[0]).with_name("maya")
    words = maya.folder / "started.txt"
    write = f'printf "%s\\n" "$@" > "{words}.part" && mv "{words}.part" "{words}"'
    starter.write_text(f"#!/bin/sh\n{write}\n")
    starter.chmod(0o755)
    yield words
    starter.unlink()


def settings(desktop):
    return json.loads((desktop.home.ours / "settings.json").read_text())


def crash(maya):
    """Gives back the recovered scene."""
    recovered = maya.control("crash", signal="SIGSEGV")["recovered"]
    maya.wait()
    return recovered


def is_ready(tray, maya):
    return f"[x] Maya 2025 — shot_010.ma (maya-{maya.pid})" in tray.lines()


def test_a_crash_stays_in_the_tray_until_it_is_dismissed(desktop, tray, maya, started):
    until(lambda: is_ready(tray, maya), what="Maya, ready")
    recovered = crash(maya)
    row = f"{CRASHED}: shot_010.ma"
    until(lambda: tray.lines()[:2] == [f"{row} >", "---"], what="the crash, before all else")
    assert tray.lines_below(row) == ["Open recovered scene", "Show folder", "Dismiss"], "what to do"
    tray.click("Open recovered scene", below=row)
    until(started.exists, what="the same Maya, started again")
    assert started.read_text().splitlines() == ["-file", recovered], "with what was recovered"
    opening = "The recovered scene is being opened"
    until(lambda: opening in desktop.shown.titles(), what="an answer to the click")
    Path(recovered).unlink()
    tray.click("Open recovered scene", below=row)
    until(lambda: "That did not work" in desktop.shown.titles(), what="an answer to the other")
    body = dict(desktop.shown.shown)["That did not work"]
    assert "is not where Maya left it" in body, "with the reason"
    assert tray.line(row), "it is still there"
    tray.click("Dismiss", below=row)
    until(lambda: tray.line(row) is None, what="the crash going")


def test_a_crash_is_seen_to_in_the_window(desktop, host, window, maya, started, pictures):
    menu = desktop.menu(host)
    until(lambda: is_ready(menu, maya), what="Maya, ready")
    assert not window.find("crashes"), "nothing has crashed"
    recovered = crash(maya)
    card = f"crash-maya-{maya.pid}"
    words = until(lambda: window.text(card), what="the crash in the window")
    assert CRASHED in words and "shot_010.ma" in words, "which Maya, and what was open"
    assert recovered in words, "and what it left"
    window.picture(pictures / "crash.png")
    window.click(f"{card}-open_scene")
    until(started.exists, what="the same Maya, started again")
    until(lambda: window.find(f"crash-outcome-maya-{maya.pid}"), what="the answer")
    Path(recovered).unlink()
    window.click(f"{card}-open_scene")
    failure = until(lambda: window.text(f"crash-failure-maya-{maya.pid}"), what="the refusal")
    assert "is not where Maya left it" in failure, "why not"
    window.click(f"{card}-dismiss")
    until(lambda: window.text("crashes") is None, what="the crash going")
    until(lambda: menu.line(CRASHED) is None, what="also from the tray")


def test_an_event_appears_in_the_window_as_it_happens(desktop, host, window, maya, pictures):
    happened = lambda words: words in (window.text("events") or "")  # noqa: E731
    until(lambda: happened("Maya 2025 is ready, with shot_010.ma"), what="Maya, ready")
    maya.process.kill()
    maya.wait()
    until(lambda: happened(CRASHED), what="its end")
    window.picture(pictures / "events.png")
    window.pick("events-filter", "crashed")
    until(lambda: not happened("is running"), what="the crash alone")
    assert happened(CRASHED), "which is one"


def test_a_window_that_is_put_away_hears_of_it_when_it_is_back(desktop, host, window):
    menu = desktop.menu(host)
    until(lambda: window.find("events-none"), what="a window in which nothing happened")
    desktop.screen.put_away()
    maya = desktop.maya("2025", scene="shot_010.ma")
    until(lambda: is_ready(menu, maya), what="Maya, ready")
    assert not window.find("events"), "nobody looks, so nothing is sent"
    assert not window.find(f"session-maya-{maya.pid}"), "nor is what there is now"
    desktop.screen.bring_back()
    until(lambda: window.find(f"session-maya-{maya.pid}"), what="what there is now")
    until(lambda: "is ready" in (window.text("events") or ""), what="what happened meanwhile")
    assert window.text("events").count("Maya 2025 is running") == 1, "each once"


def test_no_notices_until_tomorrow_is_set_in_the_tray_and_kept(desktop, host, tray):
    row = "No notices until tomorrow"
    until(lambda: tray.line(row) == f"[ ] {row}", what="the row")
    before = settings(desktop)
    tray.click(row)
    until(lambda: tray.line(row) == f"[x] {row}", what="the mark")
    until(lambda: "quiet_until" in settings(desktop), what="the setting")
    text = settings(desktop)["quiet_until"]
    until_then = datetime.datetime.fromisoformat(text).astimezone()
    tomorrow = datetime.date.today() + datetime.timedelta(days=1)
    assert (until_then.date(), until_then.hour) == (tomorrow, 6), "until the morning"
    assert settings(desktop) == {**before, "quiet_until": text}, "and nothing else changes"
    tray.click("Copy config")
    until(lambda: "Copied" in desktop.shown.titles(), what="a click answered all the same")

    tray.click("Quit")
    assert desktop.program.ended() == 0, "it ended by itself"
    desktop.program = desktop.start()
    until(lambda: len(host.items) == 2, what="its icon")
    again = desktop.menu(host)
    until(lambda: again.line(row) == f"[x] {row}", what="the mark after a restart")
    again.click(row)
    until(lambda: again.line(row) == f"[ ] {row}", what="the mark going")
    until(lambda: settings(desktop)["quiet_until"] is None, what="the setting taken back")


def test_what_is_told_is_set_in_the_window_and_kept(desktop, host, window, pictures):
    menu = desktop.menu(host)
    state = lambda testid: window.attribute(testid, "aria-checked")  # noqa: E731
    # What is above pushes the rest down as it comes.
    until(lambda: window.find("client-claude-code"), what="the clients")
    until(lambda: window.find("events-none"), what="what happened")
    assert state("notices-about-ready") == "true", "everything is told"
    window.click("notices-about-ready")
    until(lambda: state("notices-about-ready") == "false", what="one of them off")
    window.click("quiet-hours")
    until(lambda: window.find("quiet-from"), what="the hours")
    assert window.picked("quiet-from") == "22:00", "as the evening"
    window.pick("quiet-to", "08:15")
    hours = {"from": "22:00:00", "to": "08:15:00"}
    until(lambda: settings(desktop)["quiet_hours"] == hours, what="the other morning")
    assert settings(desktop)["notices_off"] == ["ready"], "and the subject"
    window.click("quiet")
    until(lambda: "Quiet until tomorrow" in window.text("notices"), what="the quiet")
    row = "No notices until tomorrow"
    until(lambda: menu.line(row) == f"[x] {row}", what="the same in the tray")
    window.picture(pictures / "notices.png")
    window.click("notices-on")
    until(lambda: window.text("quiet") is None, what="nothing more to set")
    until(lambda: menu.line(row) is None, what="nor in the tray")
    assert settings(desktop)["notices"] is False, "as the setting says"


def test_the_quiet_ends_by_itself(desktop, host):
    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=8)
    desktop.home.settings(**settings(desktop), quiet_until=soon.isoformat())
    desktop.start()
    menu = desktop.menu(host)
    row = "No notices until tomorrow"
    assert menu.line(row) == f"[x] {row}", "as long as it holds"
    until(lambda: menu.line(row) == f"[ ] {row}", what="its end")
    assert datetime.datetime.now(datetime.UTC) >= soon, "and not before"
