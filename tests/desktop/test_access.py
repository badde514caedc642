"""Who may do what is the artist's to say: asked in a notice, in the tray and in the window."""

import json

import pytest

from .waiting import until

TITLE = "Claude Desktop wants to run code in Maya 2025"
ANSWERS = ["Allow once", "Always for this client", "Deny"]


def ask_first(desktop):
    keys = json.loads((desktop.home.ours / "settings.json").read_text())
    desktop.home.settings(**{**keys, "access": "ask"})


@pytest.fixture
def tray(desktop):
    """The program, where everybody has to ask, and a desktop that shows notices."""
    ask_first(desktop)
    host = desktop.tray_host()
    desktop.shown = desktop.notices()
    desktop.program = desktop.start()
    return desktop.menu(host)


@pytest.fixture
def window(desktop):
    ask_first(desktop)
    desktop.shown = desktop.notices()
    desktop.tray_host()
    window = desktop.browse("--window")
    window.attach()
    return window


@pytest.fixture
def maya(desktop):
    return desktop.maya("2025", scene="shot_010.ma")


def is_ready(tray, maya):
    return f"[x] Maya 2025 — shot_010.ma (maya-{maya.pid})" in tray.lines()


def is_told(desktop, title=TITLE):
    return title in desktop.shown.titles()


def press_until_heard(desktop, words, call):
    """The program hears of presses from a moment after its notice is there."""

    def is_heard():
        desktop.shown.press(TITLE, words)
        return not call.is_under_way()

    until(is_heard, what="the press heard")


def test_a_question_is_allowed_once_in_the_notice(desktop, tray, maya):
    until(lambda: is_ready(tray, maya), what="Maya, ready")
    claude = desktop.client("claude-desktop")
    call = claude.runs("6 * 7 if 1 < 2 else '&'")
    until(lambda: is_told(desktop), what="the question")
    assert call.is_under_way(), "nothing runs before it is answered"
    assert list(desktop.shown.buttons(TITLE)) == ANSWERS, "the three answers"
    body = dict(desktop.shown.shown)[TITLE]
    assert f"maya-{maya.pid}, shot_010.ma" in body, "where"
    assert "6 * 7 if 1 &lt; 2 else '&amp;'" in body, "the code, as a body's markup wants it"
    press_until_heard(desktop, "Allow once", call)
    assert call.result() == 42, "it ran"
    until(lambda: tray.line("wants to") is None, what="the question going from the tray")
    again = claude.runs("6 * 7 if 1 < 2 else '&'")
    until(lambda: desktop.shown.titles().count(TITLE) == 2, what="the same, asked again")
    assert again.is_under_way(), "once is once"


def test_a_question_is_denied_in_the_tray_and_leaves_the_desktop(desktop, tray, maya):
    until(lambda: is_ready(tray, maya), what="Maya, ready")
    call = desktop.client("claude-desktop").runs("6 * 7")
    until(lambda: is_told(desktop), what="the question")
    asked = until(lambda: tray.line("Claude Desktop wants to"), what="the question in the tray")
    assert tray.lines()[:2] == [asked, "---"], "before everything else"
    assert f"in Maya 2025 (maya-{maya.pid}) >" in asked, "with where it is about"
    assert tray.lines_below("wants to") == ANSWERS, "the same answers"
    tray.click("Deny", below="Claude Desktop wants to")
    assert "did not allow" in call.result(), "the client is told"
    until(lambda: TITLE in desktop.shown.closed, what="the notice going")
    until(lambda: tray.line("wants to") is None, what="the question going from the tray")
    # The daemon may tell of a press that was too late.
    desktop.shown.press(TITLE, "Allow once")
    other = desktop.client("claude-desktop").runs("6 * 8")
    until(lambda: desktop.shown.titles().count(TITLE) == 2, what="another question")
    assert other.is_under_way(), "the late press allowed nothing"


def test_many_questions_at_once_are_one_notice(desktop, tray, maya):
    until(lambda: is_ready(tray, maya), what="Maya, ready")
    claude = desktop.client("claude-desktop")
    calls = [claude.runs(f"{number} + 1") for number in range(6)]
    many = "Claude Desktop wants to run code 6 times"
    until(lambda: is_told(desktop, many), what="one notice for all")
    lines = tray.lines()
    assert sum("wants to" in line for line in lines) == 5, "the first five are in the tray"
    assert "… and 1 more in the window" in lines, "and where the others are"
    open_ = lambda: sum("wants to" in line or "more in" in line for line in tray.lines())  # noqa: E731
    for left in reversed(range(6)):
        tray.click("Allow once", below="wants to")
        until(lambda left=left: open_() == left, what="the first question going")
    assert sorted(call.result() for call in calls) == list(range(1, 7)), "all of them ran"
    until(lambda: many in desktop.shown.closed, what="the notice going")


def test_a_question_goes_with_its_maya(desktop, tray, maya):
    until(lambda: is_ready(tray, maya), what="Maya, ready")
    desktop.client("claude-desktop").runs("6 * 7")
    until(lambda: is_told(desktop), what="the question")
    maya.process.kill()
    maya.wait()
    until(lambda: TITLE in desktop.shown.closed, what="the notice going")
    until(lambda: tray.line("wants to") is None, what="the question going from the tray")


def test_the_window_shows_the_code_and_takes_the_answer(desktop, window, maya, pictures):
    phase = lambda: window.attribute(f"phase-maya-{maya.pid}", "data-phase")  # noqa: E731
    until(lambda: phase() == "ready", what="Maya, ready")
    claude = desktop.client("claude-desktop")
    call = claude.runs("6 * 7")
    until(lambda: is_told(desktop), what="the question")
    asked = until(lambda: window.text("questions"), what="the question in the window")
    assert "Claude Desktop wants to" in asked and "6 * 7" in asked, "who, what and the code"
    answer = window.first_in("questions").replace("question", "answer") + "-always"
    # A press takes effect once the card has stood still for a moment.
    until(lambda: window.attribute(answer, "aria-disabled") == "false", what="its buttons")
    window.picture(pictures / "question.png")
    window.click(answer)
    assert call.result() == 42, "it ran"
    until(lambda: not window.find("questions"), what="the question going")
    until(lambda: TITLE in desktop.shown.closed, what="the notice going")
    until(lambda: window.picked("access-claude-desktop") == "full", what="the rule")
    assert claude.runs("6 * 8").result() == 48, "it is not asked again"


def test_rules_are_set_in_the_window_and_count(desktop, window, maya, pictures):
    phase = lambda: window.attribute(f"phase-maya-{maya.pid}", "data-phase")  # noqa: E731
    until(lambda: phase() == "ready", what="Maya, ready")
    before = json.loads((desktop.home.ours / "settings.json").read_text())
    until(lambda: window.checked("access-choice-ask"), what="the setting")
    window.click("access-choice-full")
    until(lambda: window.checked("access-choice-full"), what="the choice")
    settings = json.loads((desktop.home.ours / "settings.json").read_text())
    assert settings == {**before, "access": "full"}, "it is kept, and nothing else changes"
    cursor = desktop.client("cursor")
    assert cursor.runs("6 * 7").result() == 42, "everything is allowed"
    session = f"access-maya-{maya.pid}"
    window.pick(session, "look_only")
    until(lambda: window.picked(session) == "look_only", what="the rule for everyone there")
    window.picture(pictures / "access.png")
    assert "only look" in cursor.runs("6 * 7").result(), "nothing runs"
    window.pick(session, "")
    until(lambda: window.picked(session) == "", what="the rule taken back")
    assert cursor.runs("6 * 7").result() == 42, "and it runs again"
