"""Coming, staying and leaving: nothing of the helper is in Maya afterwards."""

import json
import linecache
import os
import socket
import sys
import threading
import time

import pytest

from conftest import PACKAGE
from engine import Engine
from stoppable import STOPPABLE


def footprint(state):
    """Everything a helper could leave behind."""
    return {
        "stdout": id(sys.stdout),
        "stderr": id(sys.stderr),
        "callbacks": set(state.callbacks),
        "modules": {name for name in sys.modules if name.split(".")[0] == PACKAGE},
        "path": list(sys.path),
        "threads": {thread.name for thread in threading.enumerate()},
        "sockets": sockets(),
        "sources": {name for name in linecache.cache if name.startswith("<maya-mcp")},
        "chunks": state.undo.count(("close",)) - sum(1 for entry in state.undo if len(entry) == 2),
    }


def sockets():
    """The sockets and selectors this process holds."""
    kinds = ("socket:", "anon_inode:[eventpoll]")
    found = []
    for number in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink("/proc/self/fd/" + number)
        except OSError:
            continue
        if target.startswith(kinds):
            found.append(target)
    return sorted(found)


def port_of(engine):
    return engine.socket.getpeername()[1]


def wait_until_gone(maya):
    """Passes of the main thread until the helper has taken itself out."""
    for thread in threading.enumerate():
        if thread.name.startswith("maya-mcp"):
            thread.join(10)
    maya.do(lambda: None)


def test_with_the_last_leave_nothing_stays(maya, home):
    maya.do(lambda: None)
    before = footprint(maya.state)
    nonce, secret = home.invite()
    reply = json.loads(maya.do(lambda: home.connect(nonce)))
    engine = Engine(reply["port"])
    engine.prove(secret)
    assert footprint(maya.state) != before
    engine.execute("print(1)\n1/0")
    if STOPPABLE:
        engine.execute("while True: pass", timeout_s=0.05)
    assert engine.call("leave") == {}
    assert engine.event("goodbye") == {"reason": "left"}
    assert engine.ends()
    engine.close()
    wait_until_gone(maya)
    assert footprint(maya.state) == before


def test_nothing_stays_of_a_helper_that_was_replaced_either(maya, home, bring_in):
    maya.do(lambda: None)
    before = footprint(maya.state)
    first = bring_in()
    home.install("b2")
    second = bring_in("b2")
    assert first.event("goodbye") == {"reason": "replaced"}
    assert first.ends()
    assert len(maya.state.callbacks) == 4, "those of the second alone"
    second.call("leave")
    assert second.ends()
    first.close()
    second.close()
    wait_until_gone(maya)
    assert footprint(maya.state) == before


def test_one_of_two_engines_may_leave(bring_in):
    first, second = bring_in(), bring_in()
    assert port_of(first) == port_of(second), "one helper for both"
    first.call("leave")
    assert first.ends()
    assert not first.events, "the helper itself stays"
    again = Engine(port_of(second))
    again.send({"hello": {"protocol": 1, "nonce": "ab" * 32, "secret": "00000000"}})
    assert again.receive() is None
    again.close()
    assert second.execute("1+1")["result"] == 2
    with pytest.raises((TypeError, ConnectionError)):
        Engine(port_of(second)).prove(first.secret)


def test_an_engine_that_starts_again_finds_the_helper_and_its_variables(bring_in):
    first = bring_in(client="claude")
    first.execute("kept = 5")
    first.close()
    second = bring_in(client="claude")
    assert second.execute("kept")["result"] == 5
    third = Engine(port_of(second))
    third.prove(first.secret, "claude")
    assert third.execute("kept")["result"] == 5, "the old secret still holds"
    third.close()


def test_without_any_link_the_helper_leaves_by_itself(maya, home, monkeypatch):
    maya.do(lambda: None)
    before = footprint(maya.state)
    nonce, secret = home.invite()
    reply = json.loads(maya.do(lambda: home.connect(nonce)))
    engine = Engine(reply["port"])
    engine.prove(secret)
    import maya_mcp_helper.server as server

    monkeypatch.setattr(server, "LONELY_S", 0.05)
    assert engine.execute("1+1")["result"] == 2, "a link keeps it"
    engine.close()
    wait_until_gone(maya)
    assert footprint(maya.state) == before


def test_a_connection_without_proof_keeps_nobody_company(maya, bring_in, monkeypatch):
    engine = bring_in()
    import maya_mcp_helper.server as server

    monkeypatch.setattr(server, "LONELY_S", 0.05)
    stranger = socket.create_connection(("127.0.0.1", port_of(engine)))
    engine.close()
    wait_until_gone(maya)
    assert PACKAGE not in sys.modules
    stranger.close()


def test_the_end_of_maya_is_said_before_it_comes(maya, engine):
    import maya as package

    maya.do(lambda: package.fire("exiting"))
    assert engine.event("goodbye") == {"reason": "maya_exiting"}
    assert engine.ends()


def test_an_engine_that_reads_nothing_does_not_hold_up_the_end_of_maya(maya, bring_in):
    import maya as package

    lazy, lively = bring_in(), bring_in()
    for _ in range(3):
        lazy.ask("execute", code="'x' * (20 << 20)")
    assert lively.execute("1+1")["result"] == 2, "in line behind the others: they have run"

    def quit_maya():
        started = time.monotonic()
        package.fire("exiting")
        return time.monotonic() - started

    assert maya.do(quit_maya) < 1.0, "200 ms for the last words, and room for a slow machine"
    assert lively.event("goodbye") == {"reason": "maya_exiting"}


def test_a_helper_that_leaves_during_a_job_waits_for_its_end(maya, home, bring_in):
    engine = bring_in()
    started, goes_on = threading.Event(), threading.Event()
    maya.state.started, maya.state.goes_on = started, goes_on
    code = "import maya\nmaya.state.started.set()\nmaya.state.goes_on.wait(10)\nprint('end')"
    engine.ask("execute", code=code)
    assert started.wait(10)
    engine.call("leave")
    assert engine.ends()
    assert PACKAGE in sys.modules
    goes_on.set()
    wait_until_gone(maya)
    maya.do(lambda: None)
    assert PACKAGE not in sys.modules
    assert not maya.state.callbacks


def test_a_fork_of_maya_says_nothing_on_our_connections(maya, engine):
    code = "import os\nchild = os.fork()\n'child' if child == 0 else child"
    number = engine.ask("execute", code=code)
    child = engine.outcome(number)["result"]
    assert isinstance(child, int)
    for _ in range(20):
        engine.call("ping")
    assert not engine.answers, "it has not answered as well"
    os.kill(child, 9)
    os.waitpid(child, 0)
