"""What the artist's code prints reaches whoever asked for it, while it runs, and nobody waits."""

import contextlib
import sys
import threading

import pytest

GATE = "import maya\nmaya.state.printed.set()\nassert maya.state.goes_on.wait(20)\n"


@pytest.fixture
def gate(maya):
    """Holds the code after it has printed, until the test has seen that."""
    maya.state.printed, maya.state.goes_on = threading.Event(), threading.Event()
    yield maya.state.goes_on
    maya.state.goes_on.set()


def next_output(engine, number):
    """The pieces so far, once there are some."""
    while number not in engine.output:
        engine._sort(engine.receive())
    return engine.output[number]


def joined(pieces):
    """Neighbours of the same stream as one."""
    whole = []
    for stream, text in pieces:
        if whole and whole[-1][0] == stream:
            text = whole.pop()[1] + text
        whole.append((stream, text))
    return whole


def test_output_arrives_while_the_code_runs(engine, gate):
    number = engine.ask("execute", code="print('begun')\n" + GATE + "print('done')")
    assert next_output(engine, number)[0][1].startswith("begun")
    gate.set()
    assert engine.outcome(number)["stdout"] == "begun\ndone\n"


def test_all_output_comes_before_the_answer_and_in_its_order(engine):
    code = (
        "import sys\nfor n in range(50):\n"
        "    print(n)\n    print(-n, file=sys.stderr)\n    sys.stdout.write('.')"
    )
    number = engine.ask("execute", code=code)
    engine.answer(number)
    pieces = engine.output[number]
    told = "".join(text for _, text in pieces)
    assert told == "".join(f"{n}\n{-n}\n." for n in range(50))
    assert {stream for stream, _ in pieces} == {"stdout", "stderr"}


def test_what_maya_shows_beside_it_has_a_stream_of_its_own(engine):
    code = "import maya.cmds as cmds\nprint('before')\ncmds.warning('low')\nprint('after')"
    number = engine.ask("execute", code=code)
    engine.answer(number)
    assert joined(engine.output[number]) == [
        ("stdout", "before\n"),
        ("warning", "# Warning: low #\n"),
        ("stdout", "after\n"),
    ]


def test_a_print_that_maya_shows_is_told_once(maya, engine):
    class Showing:
        def write(self, text):
            maya_package().show(1, text)

    before = sys.stdout
    sys.stdout = Showing()
    try:
        number = engine.ask("execute", code="print('once')")
        engine.answer(number)
    finally:
        sys.stdout = before
    assert joined(engine.output[number]) == [("stdout", "once\n")]


def maya_package():
    import maya

    return maya


def test_one_clients_output_reaches_no_other(bring_in):
    one, other = bring_in(client="one"), bring_in(client="other")
    number = one.ask("execute", code="print('mine')")
    one.answer(number)
    assert other.execute("1")["stdout"] == ""
    assert number in one.output
    assert not other.output


def test_ten_megabytes_arrive_whole(engine):
    code = "for n in range(10): print(str(n) * (1 << 20))"
    outcome = engine.execute(code)
    assert outcome["stdout"] == "".join(str(n) * (1 << 20) + "\n" for n in range(10))
    assert outcome["dropped"] == 0


def test_who_reads_nothing_loses_output_and_holds_up_nobody(maya, bring_in, monkeypatch):
    lazy, lively = bring_in(client="lazy"), bring_in(client="lively")
    import maya_mcp_helper.link as link
    import maya_mcp_helper.output as output

    monkeypatch.setattr(output, "LIMIT", 1 << 20)
    monkeypatch.setattr(link, "CROWDED", 1 << 10)
    # More than the system's own buffers of a connection take.
    number = lazy.ask("execute", code="for n in range(400): print('x' * (1 << 16))")
    assert lively.execute("1+1")["result"] == 2
    outcome = lazy.outcome(number)
    assert outcome["dropped"] > 0
    assert len(outcome["stdout"]) + outcome["dropped"] == 400 * ((1 << 16) + 1)
    assert lazy.execute("print('again')")["stdout"] == "again\n"


def test_a_hundred_thousand_lines_wake_the_other_side_a_few_times_only(engine):
    number = engine.ask("execute", code="for n in range(100000): print(n)")
    engine.answer(number)
    pieces = engine.output[number]
    assert "".join(text for _, text in pieces) == "".join(f"{n}\n" for n in range(100000))
    assert len(pieces) < 5000, "coalesced"


def test_a_subscriber_hears_everything_that_is_shown(maya, bring_in):
    package = maya_package()
    listening, other = bring_in(), bring_in()
    before = dict(maya.state.callbacks)
    assert listening.call("subscribe", events=["output"]) == {}
    maya.do(lambda: None)
    maya.do(lambda: package.show(2, "// 3 nodes //"))
    assert next_output(listening, None) == [("info", "// 3 nodes //\n")]
    assert listening.call("subscribe", events=[]) == {}
    maya.do(lambda: None)
    assert maya.state.callbacks == before, "nothing is watched for nobody"
    other.call("ping")
    assert None not in other.output


def test_what_was_watched_for_a_link_that_is_gone_is_watched_no_longer(maya, bring_in):
    staying, going = bring_in(), bring_in()
    before = set(maya.state.callbacks)
    going.call("subscribe", events=["output", "selection"])
    maya.do(lambda: None)
    assert len(maya.state.callbacks) == len(before) + 2
    going.socket.close()
    while len(links()) > 1:
        staying.call("ping")
    maya.do(lambda: None)
    assert set(maya.state.callbacks) == before


def links():
    import maya_mcp_helper as helper

    return helper.running._server._links


def test_the_selection_is_told_ten_times_a_second_at_most_and_its_last_state_always(
    maya, engine, monkeypatch
):
    import maya_mcp_helper.watch as watch

    clock = Clock()
    monkeypatch.setattr(watch, "time", clock)
    engine.call("subscribe", events=["selection"])
    maya.do(lambda: None)

    def select(names):
        def change():
            maya.state.selection = names
            maya_package().fire("SelectionChanged")

        maya.do(change)

    select(["one"])
    assert engine.event("selection") == {"count": 1, "names": ["one"], "truncated": False}
    for number in range(50):
        select([f"node{number}"])
    engine.call("ping")
    assert not engine.events, "all within the same moment"
    clock.now += 0.2
    maya.do(lambda: None)
    engine.execute("1")  # A pass of the main thread.
    assert engine.event("selection")["names"] == ["node49"]
    engine.call("ping")
    assert not engine.events


class Clock:
    """Time that stands still."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


def test_a_line_reaches_maya_whole_and_once(engine):
    heard = []

    class Counting:
        def write(self, text):
            heard.append(text)

    before = sys.stdout
    sys.stdout = Counting()
    try:
        code = "import sys\nprint('a', 1, 'b')\nprint('no end', end='')\nsys.stdout.flush()\n"
        outcome = engine.execute(code + "print(2)\nprint('.', end='')")
    finally:
        sys.stdout = before
    assert heard == ["a 1 b\n", "no end", "2\n", "."]
    assert outcome["stdout"] == "".join(heard)


@contextlib.contextmanager
def maya_hears():
    """What reaches Maya's own streams, piece by piece: both are one, as the Script Editor is."""

    class Heard(list):
        def write(self, text):
            self.append(text)

    before, heard = (sys.stdout, sys.stderr), Heard()
    sys.stdout = sys.stderr = heard
    try:
        yield heard
    finally:
        sys.stdout, sys.stderr = before


FLOOD = 10000
ALL = "".join(f"{n}\n" for n in range(FLOOD))


def test_a_flood_reaches_maya_in_blocks_and_whole(engine):
    with maya_hears() as heard:
        outcome = engine.execute(f"for n in range({FLOOD}): print(n)")
    assert "".join(heard) == outcome["stdout"] == ALL
    assert heard[:1000] == [f"{n}\n" for n in range(1000)], "the first as they come"
    assert len(heard) < FLOOD / 2


def test_in_a_flood_too_one_stream_does_not_overtake_the_other(engine):
    code = "import sys\nfor n in range(FLOOD): print(n, file=sys.stderr if n % 7 else sys.stdout)"
    with maya_hears() as heard:
        engine.execute(code.replace("FLOOD", str(FLOOD)))
    assert "".join(heard) == ALL


def test_a_flush_in_a_flood_shows_what_waits(engine):
    code = f"import sys\nfor n in range({FLOOD}): print(n)\nsys.stdout.flush()\n"
    with maya_hears() as heard:
        outcome = engine.execute(
            code + "sys.stdout._original[-1].endswith('9999\\n')", result_type="JSON"
        )
    assert outcome["result"] is True and "".join(heard) == ALL


def test_what_never_ends_its_line_is_not_kept_back_for_ever(engine):
    number = engine.ask("execute", code="for n in range(100000): print('.', end='')")
    engine.answer(number)
    assert "".join(text for _, text in engine.output[number]) == "." * 100000


@pytest.mark.parametrize("code", ["del sys.stdout", "sys.stdout = sys.stderr = None"])
def test_streams_that_are_gone_are_put_back(maya, engine, code):
    before, callbacks = (sys.stdout, sys.stderr), set(maya.state.callbacks)
    engine.execute("import sys\n" + code)
    assert maya.do(lambda: (sys.stdout, sys.stderr)) == before
    assert set(maya.state.callbacks) == callbacks
    assert engine.execute("print('again')")["stdout"] == "again\n"


def test_what_is_shown_comes_before_the_answer_for_subscribers_too(maya, engine):
    engine.call("subscribe", events=["output"])
    maya.do(lambda: None)
    for number in range(20):
        engine.execute(f"import maya.cmds as cmds\ncmds.warning('{number}')")
        assert engine.output.pop(None) == [("warning", f"# Warning: {number} #\n")]


def test_one_subscriber_that_does_not_read_keeps_nothing_from_another(maya, bring_in, monkeypatch):
    lazy, lively = bring_in(), bring_in()
    import maya_mcp_helper.link as link

    monkeypatch.setattr(link, "CROWDED", 1 << 10)
    for engine in (lazy, lively):
        engine.call("subscribe", events=["output"])
    maya.do(lambda: None)
    package = maya_package()
    for _ in range(200):
        maya.do(lambda: package.show(1, "x" * (1 << 16)))
    lively.call("execute", code="1")
    told = sum(len(text) for _, text in lively.output[None])
    assert told == 200 * ((1 << 16) + 1)


def test_a_callback_that_prints_while_a_print_is_shown_doubles_nothing(maya, engine):
    class Showing:
        def write(self, text):
            maya_package().show(1, text)

    def noting(text, kind, data):
        if text == "hello\n":
            print("noted")

    package = maya_package()
    before = sys.stdout
    sys.stdout = Showing()
    try:
        add = __import__("maya.api.OpenMaya").api.OpenMaya.MCommandMessage.addCommandOutputCallback
        entry = maya.do(lambda: add(noting))
        number = engine.ask("execute", code="print('hello')")
        engine.answer(number)
    finally:
        sys.stdout = before
        maya.do(lambda: package.state.callbacks.pop(entry))
    assert joined(engine.output[number]) == [("stdout", "hello\nnoted\n")]
