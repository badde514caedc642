"""A code tells how far it is, and whoever asked for it hears that while it runs."""

import json
import sys
import threading

import pytest

from conftest import PACKAGE
from stoppable import needs_stop

GATE = "import maya\nmaya.state.told.set()\nassert maya.state.goes_on.wait(20)\n"


@pytest.fixture
def gate(maya):
    """Holds the code after it has told something, until the test lets it go on."""
    maya.state.told, maya.state.goes_on = threading.Event(), threading.Event()
    yield maya.state.goes_on
    maya.state.goes_on.set()


def told(engine):
    """Everything that was told so far, and is taken away by that."""
    events = [event["params"] for event in engine.events if event["event"] == "progress"]
    engine.events = [event for event in engine.events if event["event"] != "progress"]
    return events


def report(number, progress, total=None, message=None):
    return {"id": number, "progress": progress, "total": total, "message": message}


def run(engine, code):
    """Runs code that ends well; gives what it told of itself, without the id."""
    number = engine.ask("execute", code=code)
    outcome = engine.outcome(number)
    assert outcome["error"] is None, outcome["error"]
    events = told(engine)
    assert all(event.pop("id") == number for event in events), "whoever asked knows what for"
    return events


def test_it_arrives_while_the_code_runs_the_first_at_once(engine, gate):
    number = engine.ask("execute", code="report_progress(1, 4, 'Reading')\n" + GATE)
    assert engine.event("progress") == report(number, 1, 4, "Reading")
    gate.set()
    assert engine.outcome(number)["error"] is None


def test_what_is_told_too_fast_is_left_out_and_the_last_comes_before_the_answer(
    engine, monkeypatch
):
    run(engine, "report_progress(0)")  # So that it is loaded.
    monkeypatch.setattr(sys.modules[PACKAGE + ".reports"], "PACE_S", 1000.0)
    events = run(engine, "for n in range(100000): report_progress(n, 100000)")
    assert len(events) <= 2, "one at once, and what was left at the end"
    assert events[-1] == {"progress": 99999, "total": 100000, "message": None}


def test_what_was_left_out_comes_when_its_time_has(engine, gate):
    code = "report_progress(1)\nreport_progress(2)\nreport_progress(3)\n" + GATE
    number = engine.ask("execute", code=code)
    heard = [engine.event("progress")["progress"]]
    while heard[-1] != 3:
        heard.append(engine.event("progress")["progress"])
    assert heard == sorted(heard), "in its order, while the code still runs"
    gate.set()
    assert engine.outcome(number)["error"] is None
    assert told(engine) == [], "and once"


class Link:
    """As much of one as a run's reports need, and of its job."""

    number = 7
    is_crowded = False

    def __init__(self):
        self.link = self
        self.sent = []

    def send(self, pieces):
        self.sent.append(json.loads(b"".join(pieces)[8:].decode("utf-8"))["params"]["progress"])


def test_between_two_there_is_the_pace_and_nobody_is_woken_for_nothing(engine):
    run(engine, "report_progress(0)")  # So that it is loaded.
    link, woken = Link(), []
    reports = sys.modules[PACKAGE + ".reports"].Reports(link, lambda: woken.append(len(link.sent)))
    assert reports.turn(100.0) is None, "nothing was told"
    for n in range(10):
        reports.add(n, None, None)
    assert (woken, link.sent) == ([0], []), "once, for all of them"
    assert (reports.turn(100.0), link.sent) == (100.1, [9])
    for n in range(10, 20):
        reports.add(n, None, None)
    assert (reports.turn(100.05), link.sent) == (100.1, [9]), "not before its time"
    assert (reports.turn(100.1), link.sent) == (100.1 + 0.1, [9, 19])
    assert reports.turn(100.25) is None, "and then there is nothing to come back for"
    assert woken == [0], "who comes back by itself is not woken"
    reports.add(20, None, None)
    assert (woken, reports.turn(300.0), link.sent) == ([0, 2], 300.1, [9, 19, 20])
    reports.add(21, None, None)
    reports.finish()
    reports.add(22, None, None)
    assert (reports.turn(400.0), link.sent) == (None, [9, 19, 20, 21]), "nothing behind the last"


def test_while_too_much_is_unread_the_latest_waits(engine):
    run(engine, "report_progress(0)")  # So that it is loaded.
    link = Link()
    reports = sys.modules[PACKAGE + ".reports"].Reports(link, lambda: None)
    link.is_crowded = True
    for n in range(3):
        reports.add(n, None, None)
        assert (reports.turn(100.0 + n), link.sent) == (None, [])
    link.is_crowded = False
    assert (reports.turn(104.0), link.sent) == (104.1, [2]), "when somebody has read"


@pytest.mark.parametrize(
    ("given", "heard"),
    [
        ("0.5", (0.5, None, None)),
        ("1, 2.5", (1, 2.5, None)),
        ("-1, message=''", (-1, None, "")),
        ("progress=3, total=4, message='\\ud800 ü'", (3, 4, "\ufffd ü")),
        ("1, None, 'x' * 2000", (1, None, "x" * 1000)),
        ("10 ** 300", (10**300, None, None)),
    ],
)
def test_what_is_told_arrives(engine, given, heard):
    assert run(engine, f"report_progress({given})") == [
        dict(zip(("progress", "total", "message"), heard))
    ]


@pytest.mark.parametrize(
    ("given", "kind", "about"),
    [
        ("True", "TypeError", "progress must be an int or a float, not bool"),
        ("'1'", "TypeError", "progress must be an int or a float, not str"),
        ("None", "TypeError", "progress must be an int or a float, not NoneType"),
        ("1, False", "TypeError", "total must be an int or a float, not bool"),
        ("1, 2, 3", "TypeError", "message must be a str, not int"),
        ("float('nan')", "ValueError", "progress must be a finite number"),
        ("1, float('inf')", "ValueError", "total must be a finite number"),
        ("10 ** 400", "ValueError", "progress must be a finite number"),
    ],
)
def test_what_is_wrong_is_raised_where_it_is_told(engine, given, kind, about):
    error = engine.execute(f"a = 1\nreport_progress({given})")["error"]
    assert (error["type"], error["message"]) == (kind, f"report_progress(): {about}")
    assert "line 2" in error["traceback"], "the artist's own line"
    assert "maya_mcp_helper" not in error["traceback"], "and none of ours"
    assert told(engine) == [], "nothing is told"
    assert run(engine, "report_progress(1)"), "and nothing is broken"


def test_what_is_told_wrongly_can_be_caught(engine):
    code = "try:\n    report_progress('a')\nexcept TypeError:\n    report_progress(1)"
    assert [event["progress"] for event in run(engine, code)] == [1]


def test_numbers_and_texts_of_another_kind_are_told_as_what_they_are(engine):
    code = """
class Odd(float):
    __repr__ = __float__ = __str__ = lambda self: 1/0
class Level(int):
    __repr__ = __int__ = __index__ = __str__ = lambda self: 1/0
class Text(str):
    __repr__ = __str__ = __getitem__ = encode = lambda self, *_: 1/0
report_progress(Odd(0.5), Level(4), Text('half'))
"""
    assert run(engine, code) == [{"progress": 0.5, "total": 4, "message": "half"}]


def test_from_another_thread_it_works_too(engine):
    code = """
import threading
thread = threading.Thread(target=report_progress, args=(1, 2, "from there"))
thread.start()
thread.join()
"""
    assert run(engine, code) == [{"progress": 1, "total": 2, "message": "from there"}]


def test_many_threads_that_begin_at_once_lose_nothing_of_the_last(engine):
    code = """
import threading
threads = [threading.Thread(target=report_progress, args=(1,)) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
report_progress(2)
"""
    for _ in range(20):
        assert run(engine, code)[-1]["progress"] == 2


def test_who_asked_hears_it_and_no_other(bring_in):
    one, other = bring_in(client="one"), bring_in(client="other")
    assert [event["progress"] for event in run(one, "report_progress(1)")] == [1]
    other.call("ping")
    assert told(other) == []


def test_kept_and_called_out_of_a_run_of_its_client_it_does_nothing(maya, bring_in):
    one, other = bring_in(client="one"), bring_in(client="other")
    run(one, "import maya\nmaya.state.kept = report_progress")
    assert maya.do(lambda: maya.state.kept("not even looked at")) is None
    assert run(other, "import maya\nmaya.state.kept('not even looked at')") == []
    one.call("ping")
    assert told(one) == []
    assert [event["progress"] for event in run(one, "maya.state.kept(5)")] == [5]


def test_after_the_helper_has_left_it_does_nothing(maya, engine):
    run(engine, "import maya\nmaya.state.kept = report_progress")
    engine.call("leave")
    assert engine.ends()
    for thread in threading.enumerate():
        if thread.name.startswith("maya-mcp"):
            thread.join(10)
    maya.do(lambda: None)
    assert PACKAGE not in sys.modules
    assert maya.do(lambda: maya.state.kept(1)) is None


def test_while_a_module_is_written_it_does_nothing(engine):
    run(engine, "import maya\nmaya.state.kept = report_progress")
    code = "import maya\nmaya.state.kept(1)"
    engine.call("write_module", name="telling", code=code)
    del sys.modules["telling"]
    assert told(engine) == []


def test_what_a_thread_tells_after_the_end_is_not_told(engine):
    code = """
import threading
goes_on = threading.Event()
def late():
    assert goes_on.wait(20)
    report_progress(1)
thread = threading.Thread(target=late)
thread.start()
"""
    assert run(engine, code) == []
    kept = sys.modules[PACKAGE].running.namespaces[""]
    kept["goes_on"].set()
    kept["thread"].join(20)
    engine.call("ping")
    assert told(engine) == []


def test_a_clients_own_thing_of_that_name_stays(engine):
    assert engine.execute("def report_progress(n): return n * 2")["error"] is None
    assert engine.execute("report_progress(21)")["result"] == 42
    assert engine.execute("del report_progress")["error"] is None
    assert [event["progress"] for event in run(engine, "report_progress(1)")] == [1], "it is back"


def test_a_clients_own_that_is_made_of_it_stays_too(engine):
    code = """
import functools
inner = report_progress
@functools.wraps(inner)
def report_progress(n):
    inner(n, 100)
"""
    assert run(engine, code) == []
    assert run(engine, "report_progress(1)") == [{"progress": 1, "total": 100, "message": None}]


def test_mel_has_none(bring_in):
    engine = bring_in(client="mel")
    engine.execute("int $a = 1;", language="mel")
    assert "report_progress" not in sys.modules[PACKAGE].running.namespaces["mel"]


def test_nothing_is_loaded_before_it_is_called(engine):
    assert engine.execute("report_progress.__name__")["result"] == "report_progress"
    assert PACKAGE + ".reports" not in sys.modules
    run(engine, "report_progress(1)")
    assert PACKAGE + ".reports" in sys.modules


def test_another_build_puts_its_own_in_its_place(home, bring_in):
    engine = bring_in(client="claude")
    run(engine, "report_progress(1)")
    home.install("b2")
    again = bring_in("b2", client="claude")
    assert again.facts["build"] == "b2"
    assert [event["progress"] for event in run(again, "report_progress(2)")] == [2]


def test_who_does_not_read_misses_it_and_holds_up_nobody(bring_in, monkeypatch, gate):
    lazy, lively = bring_in(client="lazy"), bring_in(client="lively")
    import maya_mcp_helper.link as link

    monkeypatch.setattr(link, "CROWDED", -1)
    code = "for n in range(1000): report_progress(n)\n" + GATE
    number = lazy.ask("execute", code=code)
    lively.call("ping")
    gate.set()
    assert lazy.outcome(number)["error"] is None
    assert told(lazy) == [report(number, 999)], "but the last"


@needs_stop
def test_a_code_that_only_tells_is_stopped_and_what_it_told_is_not_lost(engine):
    number = engine.ask(
        "execute", code="n = 0\nwhile True:\n    n += 1\n    report_progress(n)", timeout_s=0.1
    )
    assert engine.outcome(number)["error"]["type"] == "TimedOut"
    assert told(engine), "what it told before"
    assert run(engine, "report_progress(n)"), "and the next is told as well"
