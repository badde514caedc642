"""Starting with Maya: the helper comes by itself, leaves word of itself, and belongs to Maya."""

import json
import os
import runpy
import stat
import sys
import threading

import pytest

from conftest import PACKAGE
from engine import Engine
from test_leaving import footprint, wait_until_gone

pytestmark = pytest.mark.skipif(os.name == "nt", reason="it looks at modes, and forks")


@pytest.fixture
def laid(home):
    """The home as the engine lays it, with the build that is to be started."""
    (home.path / "helper" / "current").write_text("b1", encoding="ascii")
    return home


def announced(home):
    """The announcement, or None."""
    path = home.path / "run" / "announced" / f"{os.getpid()}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def start_up(maya, home):
    """What the lines in userSetup.py do; afterwards Maya has been idle once."""
    boot = str(home.path / "boot.py")
    outcome = maya.do(lambda: runpy.run_path(boot)["start_up"]())
    assert outcome is None
    maya.do(lambda: None)
    return announced(home)


def engine_of(told):
    engine = Engine(told["port"])
    engine.secret = told["secret"]
    engine.facts = engine.prove(told["secret"])
    return engine


def test_it_comes_when_maya_is_idle_and_says_where_it_is(maya, laid):
    boot = str(laid.path / "boot.py")
    early = []

    def start():
        runpy.run_path(boot)["start_up"]()
        early.append(PACKAGE in sys.modules)

    maya.do(start)
    assert early == [False], "Maya has other things to do while it starts"
    maya.do(lambda: None)
    told = announced(laid)
    assert set(told) == {"maya_mcp", "pid", "port", "secret", "helper"}
    assert (told["maya_mcp"], told["pid"], told["helper"]) == (1, os.getpid(), "b1")
    engine = engine_of(told)
    assert engine.facts["pid"] == os.getpid()
    assert engine.execute("1+1")["result"] == 2, "the engine needs no command port"
    engine.close()


def test_the_announcement_is_for_this_user_alone(maya, laid):
    start_up(maya, laid)
    folder = laid.path / "run" / "announced"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == [f"{os.getpid()}.json"], (
        "nothing half written"
    )
    mode = stat.S_IMODE((folder / f"{os.getpid()}.json").stat().st_mode)
    assert mode == 0o600, "it holds a secret"


def test_a_batch_maya_is_left_alone(maya, laid):
    maya.state.batch = True
    assert start_up(maya, laid) is None
    assert PACKAGE not in sys.modules


def test_a_maya_that_turns_out_to_be_batch_is_left_alone_too(maya, laid):
    boot = str(laid.path / "boot.py")

    def start():
        runpy.run_path(boot)["start_up"]()
        maya.state.batch = True

    maya.do(start)
    maya.do(lambda: None)
    assert PACKAGE not in sys.modules, "it is asked again when idle"


@pytest.mark.parametrize("current", [None, "", "../b1", "missing", "b1/..", "x" * 65, "é"])
def test_without_a_build_nothing_happens_and_nothing_is_said(maya, home, current, capsys):
    if current is not None:
        (home.path / "helper" / "current").write_text(current, encoding="utf-8")
    assert start_up(maya, home) is None
    assert PACKAGE not in sys.modules
    assert capsys.readouterr() == ("", ""), "the artist's Script Editor stays quiet"


def test_outside_maya_nothing_happens(laid, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "maya.utils", None)
    monkeypatch.setitem(sys.modules, "maya.cmds", None)
    assert runpy.run_path(str(laid.path / "boot.py"))["start_up"]() is None
    assert capsys.readouterr() == ("", "")


def test_a_home_that_cannot_be_written_leaves_no_helper_behind(maya, laid):
    (laid.path / "run" / "announced").write_text("in the way", encoding="utf-8")
    boot = str(laid.path / "boot.py")
    maya.do(lambda: runpy.run_path(boot)["start_up"]())
    maya.do(lambda: None)
    assert PACKAGE not in sys.modules, "nobody could find it"


def test_a_home_that_cannot_be_written_does_not_end_a_helper_at_work(maya, laid, bring_in):
    engine = bring_in()
    (laid.path / "run" / "announced").write_text("in the way", encoding="utf-8")
    boot = str(laid.path / "boot.py")
    maya.do(lambda: runpy.run_path(boot)["start_up"]())
    maya.do(lambda: None)
    assert engine.execute("1+1")["result"] == 2


def test_twice_is_once(maya, laid):
    first = start_up(maya, laid)
    assert start_up(maya, laid) == first, "the same helper with the same secret"


def test_word_that_cannot_be_written_again_stays_as_it_is(maya, laid, monkeypatch):
    told = start_up(maya, laid)

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert start_up(maya, laid) == told
    assert len(list((laid.path / "run" / "announced").iterdir())) == 1, "nothing half written"
    engine_of(told).close()


@pytest.mark.parametrize("build", ["b1", "b2"])
def test_a_helper_that_is_there_already_is_kept_and_announced(maya, laid, bring_in, build):
    if build != "b1":
        laid.install(build)
    engine = bring_in(build)
    told = start_up(maya, laid)
    assert told["port"] == engine.socket.getpeername()[1], "no second helper"
    assert told["helper"] == build
    assert engine.execute("1+1")["result"] == 2, "its link stands"
    engine_of(told).close()


def test_an_engine_that_comes_by_a_command_port_finds_the_same_helper(maya, laid, bring_in):
    told = start_up(maya, laid)
    engine = bring_in()
    assert engine.socket.getpeername()[1] == told["port"]
    engine.call("leave")
    assert engine.ends()
    assert not engine.events, "the helper says no good-bye: it stays"
    with pytest.raises((TypeError, ConnectionError)):
        Engine(told["port"]).prove(engine.secret)
    engine_of(told).close()


def test_it_does_not_leave_for_being_alone(maya, laid, monkeypatch):
    told = start_up(maya, laid)
    import maya_mcp_helper.server as server

    monkeypatch.setattr(server, "LONELY_S", 0.0)
    for _ in range(3):
        engine = engine_of(told)
        assert engine.execute("1+1")["result"] == 2
        engine.close()


def test_an_engine_that_leaves_finds_it_again_by_the_file(maya, laid):
    told = start_up(maya, laid)
    first, second = engine_of(told), engine_of(told)
    first.execute("kept = 5")
    assert first.call("leave") == {}
    assert first.ends()
    assert second.ends(), "every link of that secret"
    assert not first.events, "no good-bye: the helper stays"
    assert announced(laid) == told
    again = engine_of(told)
    assert again.execute("kept")["result"] == 5
    again.close()


def test_the_end_of_maya_takes_the_announcement_along(maya, laid):
    import maya as package

    maya.do(lambda: None)
    before = footprint(maya.state)
    told = start_up(maya, laid)
    engine = engine_of(told)
    maya.do(lambda: package.fire("exiting"))
    assert engine.event("goodbye") == {"reason": "maya_exiting"}
    assert announced(laid) is None
    engine.close()
    wait_until_gone(maya)
    maya.state.callbacks.clear()  # Maya takes them along itself.
    assert footprint(maya.state) == before


def test_a_helper_that_takes_its_place_announces_itself(maya, laid, bring_in):
    first = start_up(maya, laid)
    old = engine_of(first)
    laid.install("b2")
    new = bring_in("b2")
    assert old.event("goodbye") == {"reason": "replaced"}
    second = announced(laid)
    assert second["helper"] == "b2"
    assert second["port"] == new.socket.getpeername()[1]
    assert second["secret"] != first["secret"], "each helper has its own"
    new.call("leave")
    assert new.ends()
    engine_of(second).close()
    old.close()


def test_every_home_in_which_it_was_announced_hears_of_its_successor(
    maya, laid, tmp_path, bring_in
):
    other = type(laid)(tmp_path / "other")
    start_up(maya, laid)
    start_up(maya, other)
    assert announced(laid)["secret"] != announced(other)["secret"]
    laid.install("b2")
    bring_in("b2")
    assert (announced(laid)["helper"], announced(other)["helper"]) == ("b2", "b2")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_when_its_thread_dies_the_announcement_goes(maya, laid):
    start_up(maya, laid)
    server = sys.modules[PACKAGE].running._server

    def fail(_now):
        raise RuntimeError("a fault of ours")

    server._expire = fail
    server.wake()
    wait_until_gone(maya)
    assert announced(laid) is None, "it would lead nowhere"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_after_its_thread_died_the_next_start_announces_another(maya, laid):
    first = start_up(maya, laid)
    helper = sys.modules[PACKAGE].running
    boot = str(laid.path / "boot.py")

    def fail(_now):
        raise RuntimeError("a fault of ours")

    def before_it_is_tidied_up():
        helper._server._expire = fail
        helper._server.wake()
        helper._server._thread.join(10)
        runpy.run_path(boot)["_start"]()

    maya.do(before_it_is_tidied_up)
    second = announced(laid)
    assert second["port"] != first["port"]
    engine_of(second).close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_of_maya_does_not_speak_for_it(maya, laid):
    told = start_up(maya, laid)
    module = sys.modules[PACKAGE]

    def in_the_fork():
        """Gives what went wrong, if anything."""
        for call in (
            lambda: module.connect("ab" * 32, "127.0.0.1"),
            lambda: module.announce(str(laid.path / "run" / "announced")),
        ):
            try:
                call()
                return 1
            except Exception as error:
                if type(error).__name__ != "Gone":
                    return 2
        if module.announced_in():
            return 3
        module.stop("replaced")
        return 0

    def fork():
        child = os.fork()
        if child == 0:
            code = 9
            try:
                code = in_the_fork()
            finally:
                os._exit(code)
        return os.waitpid(child, 0)[1] >> 8

    assert maya.do(fork) == 0
    assert announced(laid) == told, "the file is the parent's"
    assert len(list((laid.path / "run" / "announced").iterdir())) == 1
    engine = engine_of(told)
    assert engine.execute("1+1")["result"] == 2, "the parent's helper has noticed nothing"
    engine.close()


def test_nothing_stays_of_it_when_it_is_stopped(maya, laid):
    maya.do(lambda: None)
    before = footprint(maya.state)
    start_up(maya, laid)
    assert footprint(maya.state) != before
    maya.do(lambda: sys.modules[PACKAGE].stop("left"))
    assert announced(laid) is None
    assert "maya-mcp-helper" not in {thread.name for thread in threading.enumerate()}
    assert footprint(maya.state) == before
