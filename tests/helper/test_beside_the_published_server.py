"""Our helper and the published server's, in one and the same Maya.

Invariant: neither harms the other, in whichever order they come and go. What that server finds by
itself is a process called `maya`; a Linux Maya is called `maya.bin`, and is added by its address.
"""

import time

import pytest

from conftest import Home
from published_server import PROGRAM, Published
from test_in_the_simulator import bring_in, client

pytestmark = pytest.mark.skipif(
    not PROGRAM.exists(), reason="cargo xtask test installs it in target/venv-published"
)

REMEMBER = "import sys\nbefore = [sys.stdout, sys.stderr]"
BEFORE = "[sys.stdout, sys.stderr] == before"
STREAM = "type(sys.stdout).__name__"


@pytest.fixture(scope="module")
def server():
    """One for all tests, for it takes some seconds to begin. The last of them ends it."""
    server = Published("--scan-interval", "0.2")
    server.greet()
    yield server
    server.leave()


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "zu Hause bei Müller" / ".maya-mcp")
    home.install()
    return home


def start(name="maya"):
    ports = ("--command-port", "python:0")
    sim = client.Sim.start("2025", "--default-port", "off", *ports, name=name)
    sim.control("eval", code=REMEMBER)
    return sim


def ask(sim, code):
    """The value of an expression in the artist's own names."""
    return sim.control("eval", code=code)["value"]


def leave(sim, engine):
    engine.call("leave")
    assert engine.event("goodbye") == {"reason": "left"}
    assert engine.ends()
    engine.close()
    end = time.monotonic() + 10
    while ask(sim, "'maya_mcp_helper' in sys.modules"):
        assert time.monotonic() < end, "the helper's modules are still there"


def ours_works(sim, engine):
    """Code, its output, a scene event and a stop; the streams are whole afterwards."""
    held = ask(sim, "id(sys.stdout)")
    outcome = engine.execute("print('ours')\nimport maya.cmds as cmds\ncmds.polyCube()[0][:5]")
    assert (outcome["result"], outcome["stdout"], outcome["error"]) == ("pCube", "ours\n", None)
    sim.control("scene", op="new")
    assert engine.event("scene")["reason"] == "new"
    running = engine.ask("execute", code="print('begun')\nwhile True: str(1)")
    while engine.call("cancel", id=running)["state"] == "waiting":
        running = engine.ask("execute", code="print('begun')\nwhile True: str(1)")
    assert engine.answer(running)["result"]["error"]["type"] == "Cancelled"
    assert engine.execute("1+1")["result"] == 2
    assert ask(sim, "id(sys.stdout)") == held, "our own is there only while our code runs"


def theirs_works(server, session):
    assert server.execute(session, "import sys\nprint('theirs', file=sys.stderr)\n20+1") == 21
    printed = server.read(f"maya://sessions/{session}/output")
    assert printed["stderr"] == "theirs\n"


def both_in(sim, server, home, first):
    """(engine, session) in that order."""
    if first == "ours":
        engine, _ = bring_in(sim, home, "python")
        ours_works(sim, engine)
        session = server.session_of(sim)
    else:
        session = server.session_of(sim)
        theirs_works(server, session)
        engine, _ = bring_in(sim, home, "python")
    for _ in range(2):
        ours_works(sim, engine)
        theirs_works(server, session)
    assert ask(sim, STREAM) == "StreamWriter", "it stays until somebody asks for its end"
    return engine, session


def nothing_stays(sim):
    assert ask(sim, BEFORE), "Maya's own streams"
    callbacks = sim.control("state")["callbacks"]
    assert not any(callbacks.values()), callbacks


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_ours_leaves_first(server, home, first):
    with start() as sim:
        engine, session = both_in(sim, server, home, first)
        leave(sim, engine)
        theirs_works(server, session)
        server.execute(session, "uninstall_stream_capture()", "NONE")
        nothing_stays(sim)
        errors = sim.control("script_editor")["errors"].split("\n")
        assert set(errors) == {"theirs", ""}, "the lines it wrote there, and none of an error"


def test_a_linux_maya_that_was_added_by_its_address_is_shared_as_well(server, home):
    """Theirs then works over the command port itself, one connection at a time."""
    with start("maya.bin") as sim:
        engine, _ = bring_in(sim, home, "python")
        host, _, port = sim.port("python").rpartition(":")
        told = server.call("add_session", host=host, port=int(port))
        assert told["pid"] == sim.pid
        assert sim.pid not in [info["pid"] for info in server.call("list_sessions")[1:]]
        for _ in range(3):
            theirs_works(server, told["session_key"])
            ours_works(sim, engine)
        leave(sim, engine)
        theirs_works(server, told["session_key"])


TAKEN_OFF = "import maya_mcp\nmaya_mcp.uninstall_stream_capture()\nprint('after')"
PUT_ON = "import maya_mcp\nmaya_mcp.install_stream_capture()\nprint('after')"


def test_theirs_may_take_its_streams_off_while_our_code_turns_the_event_loop(server, home):
    with start() as sim:
        engine, session = both_in(sim, server, home, "theirs")
        engine.execute(TAKEN_OFF)
        assert ask(sim, BEFORE), "what was taken off is not put on again"
        assert engine.execute("print('ours')")["stdout"] == "ours\n"
        leave(sim, engine)
        nothing_stays(sim)


def test_theirs_may_put_its_streams_on_while_our_code_turns_the_event_loop(server, home):
    with start() as sim:
        engine, session = both_in(sim, server, home, "theirs")
        server.execute(session, "uninstall_stream_capture()", "NONE")
        assert engine.execute(PUT_ON)["stdout"] == "after\n"
        assert ask(sim, STREAM) == "StreamWriter", "it goes on hearing what is printed"
        leave(sim, engine)
        theirs_works(server, session)
        server.execute(session, "uninstall_stream_capture()", "NONE")
        nothing_stays(sim)


def test_theirs_leaves_first(server, home):
    """The last test: one in which ours came first, and one in which theirs did."""
    with start() as one, start() as other:
        shared = [
            (sim, both_in(sim, server, home, first)[0])
            for sim, first in ((one, "ours"), (other, "theirs"))
        ]
        server.leave()
        for sim, engine in shared:
            ours_works(sim, engine)
            assert ask(sim, STREAM) == "StreamWriter", "it goes without taking them off"
            ask(sim, "__import__('maya_mcp').uninstall_stream_capture()")
            assert ask(sim, BEFORE)
            ours_works(sim, engine)
            leave(sim, engine)
            nothing_stays(sim)
