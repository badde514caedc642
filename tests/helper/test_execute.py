"""What `execute` answers: the shared rows first, then what needs a look at Maya's side."""

import json
import sys
from pathlib import Path

import pytest

from stoppable import STOPPABLE, needs_stop

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "helper-protocol"


def rows(name):
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))["rows"]


def test_every_shared_row_answers_as_agreed(bring_in):
    clients = {}
    for row in rows("execute.json"):
        if not STOPPABLE and (row["expect"]["error"] or {}).get("type") == "TimedOut":
            continue
        name = row.get("client", "one")
        if name not in clients:
            clients[name] = bring_in(client=name)
        outcome = clients[name].execute(**row["params"])
        check_outcome(row["name"], outcome, row["expect"])


def check_outcome(name, outcome, expected):
    assert isinstance(outcome.pop("duration_ms"), (int, float)), name
    assert isinstance(outcome.pop("waited_ms"), (int, float)), name
    if isinstance(expected["stdout"], dict):
        repeated = expected["stdout"]
        expected = dict(expected, stdout=repeated["repeat"] * repeated["times"])
    if expected["stderr"] is None:
        expected = dict(expected, stderr=outcome["stderr"])
    error, wanted = outcome.pop("error"), expected.pop("error")
    assert outcome == expected, (name, error)
    if wanted is None:
        assert error is None, (name, error)
        return
    assert error is not None, name
    assert error["type"] in wanted.get("type_any_of", [wanted.get("type")]), (name, error)
    assert error["message"] == wanted.get("message", error["message"]), (name, error)
    for piece in wanted["traceback_has"]:
        assert piece in error["traceback"], (name, piece, error["traceback"])
    assert "maya_mcp_helper" not in error["traceback"], (name, error["traceback"])


def test_every_shared_refusal_is_refused(engine):
    for row in rows("requests.json"):
        engine.send(row["request"])
        answer = engine.answer(row["id"])
        assert answer["error"]["type"] == row["error"]["type"], row["name"]
        assert answer["error"]["message"], row["name"]
    assert engine.call("ping") is not None, "the link outlives bad requests"


def test_output_reaches_mayas_own_streams_as_well(engine, capfd):
    with capfd.disabled():
        heard = Heard()
        before = sys.stdout
        sys.stdout = heard
        try:
            outcome = engine.execute("print('to both')")
            assert sys.stdout is heard, "Maya's stream is back"
        finally:
            sys.stdout = before
    assert outcome["stdout"] == "to both\n"
    assert "".join(heard.pieces) == "to both\n"


class Heard:
    """As little as Maya's own stream has."""

    def __init__(self):
        self.pieces = []

    def write(self, text):
        self.pieces.append(text)

    def flush(self):
        pass


def test_another_threads_output_is_not_the_clients(engine):
    code = """
import threading
thread = threading.Thread(target=print, args=("from elsewhere",))
thread.start()
thread.join()
print("mine")
"""
    assert engine.execute(code)["stdout"] == "mine\n"


def test_a_stream_held_on_to_collects_nothing_later(engine):
    engine.execute("import sys\nheld = sys.stdout")
    assert engine.execute("held.write('late')")["stdout"] == ""


def test_maya_streams_without_the_usual_attributes_are_enough(maya, engine, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    outcome = engine.execute("import sys\nprint('x', file=sys.stderr)\nsys.stderr.isatty()")
    assert outcome["stderr"] == "x\n"
    assert outcome["result"] is False


def test_one_call_is_one_undo_step(maya, engine):
    engine.execute("1", undo_name="Build the rig")
    engine.execute("1/0")
    assert maya.state.undo == [
        ("open", "Build the rig"),
        ("close",),
        ("open", "Maya MCP"),
        ("close",),
    ]


@needs_stop
def test_a_chunk_is_closed_when_the_code_is_stopped(maya, engine):
    engine.execute("while True: pass", timeout_s=0.05)
    assert maya.state.undo == [("open", "Maya MCP"), ("close",)]


def test_the_times_tell_waiting_from_running(maya, engine):
    held = engine.ask("execute", code="import time; time.sleep(0.2)")
    waited = engine.ask("execute", code="1")
    first, second = engine.outcome(held), engine.outcome(waited)
    assert first["duration_ms"] >= 200, first
    assert second["waited_ms"] >= 150, second
    assert second["duration_ms"] < 150, second
    assert round(first["duration_ms"], 3) == first["duration_ms"], "rounded to a microsecond"


def test_a_result_over_the_frame_limit_is_an_error_and_not_a_broken_link(engine):
    outcome = engine.execute("'\\U0001f600' * (5 * 1024 * 1024)")
    assert outcome["error"]["type"] == "ResultTooLarge", "bytes count, not characters"
    outcome = engine.execute("'x' * (17 * 1024 * 1024)")
    assert outcome["error"]["type"] == "ResultTooLarge"
    assert outcome["result"] is None
    assert engine.execute("1+1")["result"] == 2


def test_a_large_result_arrives_whole(engine):
    outcome = engine.execute("list(range(1000000))")
    assert len(outcome["result"]) == 1000000


def test_strange_values_are_answered(engine):
    for code in [
        "class A:\n    def __str__(self): raise SystemExit\n    __repr__ = __str__\nA()",
        "class B(dict):\n    def items(self): raise RuntimeError('x')\nB(a=1)",
        "class C(Exception):\n    def __str__(self): raise ValueError\nraise C()",
        "class D(Exception):\n    __cause__ = property(lambda self: 1/0)\nraise D()",
        "def deep(): deep()\ndeep()",
        "10 ** 5000",
        "'(' * 5000",
        "(" * 5000 + ")" * 5000,
        "{float('nan'): 1}",
        "{(1, 2): 3}",
        "type('T', (type,), {'__name__': property(lambda c: 1/0)})('U', (), {})()",
    ]:
        for result_type in ["AUTO", "JSON", "RAW", "NONE"]:
            outcome = engine.execute(code, result_type=result_type)
            assert set(outcome) == {
                "result",
                "stdout",
                "stderr",
                "error",
                "duration_ms",
                "waited_ms",
                "dropped",
            }, code


def test_a_future_statement_holds_for_the_last_line_and_not_for_the_next_call(engine):
    code = "from __future__ import annotations\ndef f(x: nowhere): pass\nf.__annotations__"
    assert engine.execute(code)["result"] == {"x": "nowhere"}
    later = engine.execute("def f(x: nowhere): pass")
    assert later["error"]["type"] == "NameError"


@pytest.mark.parametrize("form", ["raise SystemExit", "exit()", "raise GeneratorExit"])
def test_no_way_of_ending_the_program_ends_maya(engine, form):
    assert engine.execute(form)["error"] is not None
    assert engine.execute("1+1")["result"] == 2
