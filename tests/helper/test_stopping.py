"""Timeouts and cancelling: the right job ends, and nothing else notices."""

import operator
import sys
import threading

import pytest

from engine import Engine
from stoppable import STOPPABLE, needs_stop


@pytest.fixture
def gate(maya):
    """Lets code on the main thread say where it is, and hold it there."""

    class Gate:
        started = threading.Event()
        goes_on = threading.Event()

    gate = Gate()
    gate.started, gate.goes_on = threading.Event(), threading.Event()
    maya.state.gate = gate
    yield gate
    gate.goes_on.set()


HELD = "import maya\nmaya.state.gate.started.set()\nmaya.state.gate.goes_on.wait(20)\n"
# In a function: CPython leaves the jump back of a loop out of the `try` it stands in.
SPIN = "def spin():\n    while True: str(1)\n"
LOOPS = "import maya\nmaya.state.gate.started.set()\nwhile True: pass"


@needs_stop
def test_a_job_over_its_time_ends_and_tells_where_it_was(engine):
    outcome = engine.execute("print('begun')\nwhile True:\n    pass", timeout_s=0.1)
    assert outcome["error"]["type"] == "TimedOut"
    assert "line 2" in outcome["error"]["traceback"] or "line 3" in outcome["error"]["traceback"]
    assert outcome["error"]["traceback"].endswith(
        "TimedOut: the code ran for longer than its timeout and was stopped\n"
    )
    assert outcome["stdout"] == "begun\n"


def test_a_job_within_its_time_is_left_alone(engine):
    for _ in range(200):
        assert engine.execute("1+1", timeout_s=60)["result"] == 2


@needs_stop
def test_the_time_counts_from_the_start_and_not_from_the_queue(engine, gate):
    held = engine.ask("execute", code=HELD)
    assert gate.started.wait(10)
    timed = engine.ask("execute", code="import time\ntime.sleep(0.05)\n'done'", timeout_s=2)
    hung = engine.ask("execute", code="while True: str(1)", timeout_s=0.2)
    engine.call("ping")
    gate.goes_on.set()
    assert engine.answer(held)["result"]["error"] is None
    assert engine.answer(timed)["result"]["result"] == "done"
    outcome = engine.answer(hung)["result"]
    assert outcome["error"]["type"] == "TimedOut"
    assert outcome["duration_ms"] >= 200


def test_timeouts_that_race_with_the_end_of_the_job_hit_nothing_else(maya, engine):
    for round_ in range(300):
        outcome = engine.execute("for _ in range(2000): pass\n'done'", timeout_s=0.00005)
        if outcome["error"] is None:
            assert outcome["result"] == "done", round_
        else:
            assert outcome["error"]["type"] == "TimedOut", round_
        assert engine.execute("sum(range(2000))")["error"] is None, round_
    assert maya.do(lambda: sum(range(1000))) == 499500, "Maya's own code goes on undisturbed"


@needs_stop
def test_a_running_job_is_cancelled(engine, gate):
    running = engine.ask("execute", code=LOOPS)
    assert gate.started.wait(10)
    assert engine.call("cancel", id=running) == {"state": "running", "stoppable": True}
    assert engine.answer(running)["result"]["error"]["type"] == "Cancelled"
    assert engine.execute("1+1")["result"] == 2


def test_a_waiting_job_is_cancelled_and_never_runs(maya, engine, gate):
    running = engine.ask("execute", code=HELD)
    assert gate.started.wait(10)
    waiting = engine.ask("execute", code="import maya\nmaya.state.scene_path = 'ran'")
    assert engine.call("cancel", id=waiting) == {"state": "waiting", "stoppable": True}
    outcome = engine.answer(waiting)["result"]
    assert outcome["error"]["type"] == "Cancelled"
    assert outcome["result"] is None
    assert outcome["duration_ms"] == 0
    gate.goes_on.set()
    assert engine.answer(running)["result"]["error"] is None
    engine.execute("1")
    assert maya.state.scene_path == ""


def test_only_what_is_there_can_be_cancelled(bring_in, gate):
    first, second = bring_in(), bring_in()
    running = first.ask("execute", code=HELD)
    assert gate.started.wait(10)
    unknown = {"state": "unknown", "stoppable": True}
    assert second.call("cancel", id=running) == unknown, "another link's"
    assert first.call("cancel", id=999) == unknown
    gate.goes_on.set()
    assert first.answer(running)["result"]["error"] is None
    assert first.call("cancel", id=running) == unknown, "it is over"


@pytest.mark.skipif(STOPPABLE, reason="PyPy alone, under which it runs, cannot stop it")
def test_what_cannot_be_stopped_is_said_to_be_so_and_goes_on_to_its_end(engine, gate):
    running = engine.ask("execute", code=HELD + "'end'", timeout_s=0.01)
    assert gate.started.wait(10)
    assert engine.call("cancel", id=running) == {"state": "running", "stoppable": False}
    gate.goes_on.set()
    outcome = engine.outcome(running)
    assert (outcome["result"], outcome["error"]) == ("end", None)
    assert engine.execute("1+1")["result"] == 2


@needs_stop
def test_a_stop_that_is_swallowed_is_repeated(engine):
    code = SPIN + "try:\n    spin()\nexcept: pass\nspin()"
    assert engine.execute(code, timeout_s=0.05)["error"]["type"] == "TimedOut"


@needs_stop
def test_except_exception_does_not_swallow_a_stop(engine):
    code = SPIN + "while True:\n    try:\n        spin()\n    except Exception: pass"
    assert engine.execute(code, timeout_s=0.05)["error"]["type"] == "TimedOut"


@needs_stop
def test_cleaning_up_runs_when_a_job_is_stopped(engine):
    code = SPIN + "try:\n    spin()\nfinally:\n    cleaned = True"
    assert engine.execute(code, timeout_s=0.05)["error"]["type"] == "TimedOut"
    assert engine.execute("cleaned")["result"] is True


@needs_stop
def test_a_value_that_takes_forever_to_show_is_stopped_too(engine):
    code = "class S:\n    def __repr__(self):\n        while True: pass\nS()"
    assert engine.execute(code, timeout_s=0.05)["error"]["type"] == "TimedOut"


@pytest.mark.skipif(not hasattr(operator, "call"), reason="nothing calls two things at once")
def test_a_stop_that_arrives_in_our_callback_neither_escapes_nor_loses_the_event(maya, engine):
    """As when a scene takes longer to open than the timeout: the callback is next to run."""
    callbacks = maya.state.callbacks.values()
    maya.state.listener = next(f for moment, f, _ in callbacks if moment == "after open")
    # One call of C that takes long and then calls back, with no instruction of Python between.
    code = """
import maya, operator, time
maya.state.scene_path = "/srv/slow.ma"
escaped = "not even into the code"
try:
    list(map(operator.call, [time.sleep, maya.state.listener], [0.2, "opened"]))
except BaseException as error:
    escaped = repr(error)
while True: str(1)
"""
    outcome = engine.execute(code, timeout_s=0.05)
    assert outcome["error"]["type"] == "TimedOut", "one that is swallowed is repeated"
    assert engine.event("scene")["scene_path"] == "/srv/slow.ma"
    assert engine.execute("escaped")["result"] == "TimedOut()", "in the code, when it went on"


def test_what_waited_for_a_link_that_is_gone_never_runs(maya, bring_in, gate):
    staying, going = bring_in(), bring_in()
    running = staying.ask("execute", code=HELD)
    assert gate.started.wait(10)
    going.ask("execute", code="import maya\nmaya.state.scene_path = 'ran'")
    going.call("ping")
    going.socket.close()
    while len(links()) > 1:
        staying.call("ping")  # Each answer shows that the I/O thread has gone round once more.
    gate.goes_on.set()
    assert staying.answer(running)["result"]["error"] is None
    staying.execute("1")
    assert maya.state.scene_path == ""


def bring_in_by(engine, client):
    """Another connection to the helper, which the main thread need not be free for."""
    other = Engine(engine.socket.getpeername()[1])
    other.prove(engine.secret, client)
    return other


def links():
    import maya_mcp_helper as helper

    return helper.running._server._links


def test_clients_take_turns(maya, engine, gate):
    maya.state.order = []
    running = engine.ask("execute", code=HELD)
    assert gate.started.wait(10)
    clients = {name: bring_in_by(engine, name) for name in "abc"}
    numbers = []
    for client, index in [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("b", 2), ("c", 1)]:
        code = f"import maya\nmaya.state.order.append('{client}{index}')"
        numbers.append((clients[client], clients[client].ask("execute", code=code)))
        clients[client].call("ping")  # So it is in the queue before the next one.
    gate.goes_on.set()
    for asked, number in [(engine, running), *numbers]:
        asked.answer(number)
    for client in clients.values():
        client.close()
    assert maya.state.order == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_an_id_in_use_is_refused_and_the_first_still_answered(engine, gate):
    running = engine.ask("execute", code=HELD + "'first'")
    assert gate.started.wait(10)
    again = {"id": running, "method": "execute", "params": {"code": "2"}}
    engine.send(again)
    assert engine.answer(running)["error"]["type"] == "BadParams"
    gate.goes_on.set()
    assert engine.answer(running)["result"]["result"] == "first"


@needs_stop
def test_a_job_that_does_not_stop_tells_the_line_it_is_in(engine, monkeypatch):
    import maya_mcp_helper.interrupt as interrupt

    monkeypatch.setattr(interrupt, "INSIST_S", 0.05)
    code = "import time\n\ntime.sleep(0.4)  # Maya's own code\n'over'"
    number = engine.ask("execute", code=code, timeout_s=0.05)
    told = engine.event("not_stopping")
    assert told == {"id": number, "line": 3, "source": "time.sleep(0.4)  # Maya's own code"}
    assert engine.outcome(number)["error"]["type"] == "TimedOut"


def test_a_method_that_is_short_is_not_stopped_in_the_middle(maya, engine, gate, monkeypatch):
    import maya_mcp_helper.methods as methods

    def held(method, params):
        gate.started.set()
        gate.goes_on.wait(20)
        return methods.Reply({"whole": True})

    monkeypatch.setattr(methods, "perform", held)
    number = engine.ask("scene")
    assert gate.started.wait(10)
    assert engine.call("cancel", id=number) == {"state": "running", "stoppable": False}
    gate.goes_on.set()
    assert engine.answer(number)["result"] == {"whole": True}


def test_nothing_is_left_of_a_stop_that_was_not_delivered(maya, engine):
    """CPython 3.11 hangs in the first traced function if there is."""
    for _ in range(20):
        engine.execute("import time\ntime.sleep(0.02)", timeout_s=0.01)
        engine.execute("for _ in range(2000): pass", timeout_s=0.00005)

    def traced():
        before = sys.gettrace()
        sys.settrace(lambda *_: None)
        try:
            return sum(number for number in range(10))
        finally:
            sys.settrace(before)

    assert maya.do(traced) == 45


@needs_stop
def test_what_runs_for_an_engine_that_leaves_is_stopped(maya, bring_in, gate):
    leaving, staying = bring_in(), bring_in()
    client = bring_in_by(leaving, "claude")
    client.ask("execute", code=LOOPS)
    assert gate.started.wait(10)
    leaving.call("leave")
    assert staying.execute("1+1")["result"] == 2, "the main thread is free again"
    client.close()


@needs_stop
def test_a_cancel_between_a_jobs_turn_and_its_first_line_holds(maya, engine, gate, monkeypatch):
    import maya.cmds as cmds

    real = cmds.undoInfo

    def held(**flags):
        if flags.get("openChunk") and not gate.started.is_set():
            gate.started.set()
            gate.goes_on.wait(20)
        return real(**flags)

    monkeypatch.setattr(cmds, "undoInfo", held)
    number = engine.ask("execute", code="import maya\nmaya.state.scene_path = 'ran'")
    assert gate.started.wait(10)
    assert engine.call("cancel", id=number)["state"] == "running"
    gate.goes_on.set()
    assert engine.outcome(number)["error"]["type"] == "Cancelled"
    assert maya.state.scene_path == ""


def test_a_waiting_jobs_timeout_wakes_nobody(maya, engine, gate):
    import maya_mcp_helper as helper

    server = helper.running._server
    turns, real = [], server._timeout

    def counting():
        turns.append(1)
        return real()

    running = engine.ask("execute", code=HELD)
    assert gate.started.wait(10)
    server._timeout = counting
    waiting = engine.ask("execute", code="1", timeout_s=0.001)
    for _ in range(20):
        engine.call("ping")
    assert len(turns) < 100, "only what came woke it"
    gate.goes_on.set()
    engine.answer(running)
    engine.answer(waiting)


@needs_stop
@pytest.mark.skipif(not hasattr(operator, "call"), reason="nothing calls two things at once")
def test_code_that_opens_one_scene_after_the_other_is_stopped(maya, engine):
    """Whenever a stop arrives, what runs next is our callback."""
    callbacks = maya.state.callbacks.values()
    maya.state.listener = next(f for moment, f, _ in callbacks if moment == "after open")
    code = """
import maya, operator, time
opened = 0
for number in range(60):
    list(map(operator.call, [time.sleep, maya.state.listener], [0.1, "opened"]))
    opened += 1
"""
    outcome = engine.execute(code, timeout_s=0.35)
    assert outcome["error"]["type"] == "TimedOut"
    assert engine.execute("opened < 20")["result"] is True
    assert maya.do(sys.gettrace) is None


@needs_stop
def test_a_module_that_does_not_stop_tells_its_line_as_well(engine, gate, monkeypatch):
    import maya_mcp_helper.interrupt as interrupt

    monkeypatch.setattr(interrupt, "INSIST_S", 0.05)
    code = "import maya, time\nmaya.state.gate.started.set(); time.sleep(0.4)"
    number = engine.ask("write_module", name="studio_x_slow", code=code)
    assert gate.started.wait(10)
    assert engine.call("cancel", id=number)["state"] == "running"
    told = engine.event("not_stopping")
    assert (told["id"], told["line"]) == (number, 2)
    assert told["source"].endswith("time.sleep(0.4)")
    assert engine.answer(number)["error"]["type"] == "Cancelled"
