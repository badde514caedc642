"""The helper in the stand-in for Maya: through its command ports, over its Qt loop and without."""

import json
import time

import pytest

from engine import Engine

pytest.importorskip("PySide6")  # Only the Python that has it runs the simulator.
client = pytest.importorskip("maya_sim.client")


def line_for(home, nonce, language):
    """The one line which the engine sends, as docs/helper-protocol.md has it."""
    path = ascii(str(home.path / "boot.py"))
    call = f"__import__('runpy').run_path({path})['connect']('{nonce}')"
    if language == "python":
        return call
    escaped = call.replace("\\", "\\\\").replace('"', '\\"')
    return f'/* Maya MCP asks to connect */ python("{escaped}")'


def bring_in(sim, home, language):
    """(engine, facts) after a bootstrap over that port."""
    nonce, secret = home.invite()
    reply = json.loads(sim.send(sim.port(language), line_for(home, nonce, language)))
    assert "error" not in reply, reply
    assert reply["pid"] == sim.pid
    engine = Engine(reply["port"])
    return engine, engine.prove(secret)


def start(*more):
    ports = ("--command-port", "python:0", "--command-port", "mel:0")
    return client.Sim.start("2025", "--default-port", "off", *ports, *more)


def wait_until_gone(sim):
    """Its last step is the main thread's, after the end of the stream."""
    left = "[n for n in __import__('sys').modules if n.startswith('maya_mcp')]"
    end = time.monotonic() + 10
    while sim.send(sim.port("python"), left) != "[]":
        assert time.monotonic() < end, "the helper's modules are still there"


@pytest.mark.parametrize("language", ["python", "mel"])
@pytest.mark.parametrize("qt", ["PySide6", None])
def test_the_helper_comes_in_works_and_leaves(home, language, qt):
    with start(*([] if qt else ["--no-qt"])) as sim:
        engine, facts = bring_in(sim, home, language)
        assert facts["qt"] == qt
        assert facts["maya_version"] == "2025"
        assert facts["batch"] is False
        code = "import maya.cmds as cmds\nprint('made')\ncmds.polyCube()[0]"
        outcome = engine.execute(code, timeout_s=30)
        assert outcome["error"] is None
        assert outcome["result"] == "pCube1"
        assert outcome["stdout"] == "made\n"
        assert "made" in sim.control("script_editor")["output"], "the artist sees it as well"
        assert engine.execute("ls pCube1", language="mel")["result"] == ["pCube1"]
        engine.call("leave")
        assert engine.event("goodbye") == {"reason": "left"}
        assert engine.ends()
        wait_until_gone(sim)
        assert sim.control("script_editor")["errors"] == ""
        engine.close()


@pytest.mark.parametrize(("extra", "calls"), [([], 1000), (["--no-qt"], 50)])
def test_many_calls_in_a_row_do_no_harm(home, extra, calls):
    with start(*extra) as sim:
        engine, _ = bring_in(sim, home, "python")
        for number in range(calls):
            assert engine.execute(str(number))["result"] == number
        engine.close()


def test_a_ping_is_answered_while_the_main_thread_is_busy(home):
    with start() as sim:
        engine, _ = bring_in(sim, home, "python")
        sim.control("busy", seconds=1.3, gil=False)
        waiting = 0
        while waiting < 1000:
            waiting = engine.call("ping")["main_waiting_ms"]
        assert engine.event("main_free") == {}
        engine.close()


DIALOG = """
from PySide6.QtCore import QEventLoop, QTimer
import sys
loop = QEventLoop()
QTimer.singleShot(1000, loop.quit)
QTimer.singleShot(0, lambda: setattr(sys, "shown", True))
after = "not yet"
loop.exec()
after = "it went on"
"""


def test_code_that_shows_a_dialog_is_ended_once_that_closes_and_maya_shows_nothing(home):
    with start() as sim:
        engine, _ = bring_in(sim, home, "python")
        number = engine.ask("execute", code=DIALOG)
        shown = "getattr(__import__('sys'), 'shown', False)"
        sim.until(lambda _: sim.control("eval", code=shown)["value"])
        assert engine.call("cancel", id=number)["state"] == "running"
        for _ in range(50):
            engine.call("ping")  # Each lets our callback run in that loop.
        outcome = engine.outcome(number)
        assert outcome["error"]["type"] == "Cancelled"
        assert engine.execute("after")["result"] == "not yet"
        assert outcome["stderr"] == sim.control("script_editor")["errors"] == ""
        engine.close()


def test_quitting_is_announced(home):
    with start() as sim:
        engine, _ = bring_in(sim, home, "python")
        sim.control("quit")
        assert engine.event("goodbye") == {"reason": "maya_exiting"}
        assert engine.ends()
        assert sim.wait() == 0
        engine.close()


LINES = """
try:
    __import__('runpy').run_path({boot})['start_up']()
except Exception:
    pass
"""


@pytest.fixture
def start_with(home, tmp_path):
    """Starts a Maya whose userSetup.py brings the helper in; gives it and its announcement."""
    (home.path / "helper" / "current").write_text("b1", encoding="ascii")
    scripts = tmp_path / "maya" / "2025" / "scripts"
    scripts.mkdir(parents=True)
    lines = LINES.format(boot=ascii(str(home.path / "boot.py")))
    (scripts / "userSetup.py").write_text(lines, encoding="ascii")

    def start(*more):
        env = {"MAYA_APP_DIR": str(tmp_path / "maya")}
        sim = client.Sim.start("2025", "--default-port", "off", *more, env=env)
        return sim, home.path / "run" / "announced" / f"{sim.pid}.json"

    return start


def wait_for(sim, path):
    sim.until(lambda _: path.exists())
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("qt", ["PySide6", None])
def test_a_maya_connects_by_itself(start_with, qt):
    sim, path = start_with(*([] if qt else ["--no-qt"]))
    with sim:
        told = wait_for(sim, path)
        engine = Engine(told["port"])
        facts = engine.prove(told["secret"])
        assert (facts["pid"], facts["qt"]) == (sim.pid, qt)
        assert engine.execute("1+1")["result"] == 2
        names = sim.control("eval", code="sorted(n for n in globals() if n[:2] != '__')")["value"]
        assert names == "[]", "nothing of ours is among the artist's names"
        shown = sim.control("script_editor")
        assert shown["errors"] == shown["output"] == "", "and nothing was printed"
        sim.control("quit")
        assert engine.event("goodbye") == {"reason": "maya_exiting"}
        assert sim.wait() == 0
        assert not path.exists(), "a clean exit takes the announcement along"
        engine.close()


def test_a_crash_leaves_the_announcement_to_the_engine(start_with):
    sim, path = start_with("--no-qt")
    with sim:
        wait_for(sim, path)
        sim.control("crash", signal="SIGKILL")
        sim.wait()
        assert path.exists()


def test_a_batch_maya_does_not_connect_by_itself(start_with):
    sim, path = start_with("--batch")
    with sim:
        sim.control("eval", code="import maya.utils; maya.utils.processIdleEvents()")
        assert not path.exists()
