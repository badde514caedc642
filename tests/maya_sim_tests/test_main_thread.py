"""The main thread: who may use it, and what keeps it from answering."""

import socket
import time

import pytest

from maya_sim.client import connect, read_reply

PYTHON = ("--default-port", "off", "--command-port", "python:0")


@pytest.fixture(params=[False, True], ids=["plain", "qt"])
def sim(start, request):
    return start(*PYTHON, qt=request.param)


def test_commands_run_on_the_main_thread(sim):
    name = "__import__('threading').current_thread().name"
    assert sim.send(sim.port("python"), name) == "MainThread"


def test_a_command_on_another_thread_raises(sim):
    code = (
        "import threading, maya.cmds, maya.mel\n"
        "seen = []\n"
        "def run(f):\n"
        "    try: f()\n"
        "    except RuntimeError as error: seen.append(str(error))\n"
        "for f in (maya.cmds.ls, lambda: maya.mel.eval('ls')):\n"
        "    t = threading.Thread(target=run, args=(f,), name='stray'); t.start(); t.join()\n"
    )
    sim.control("eval", code=code)
    assert sim.control("eval", code="len(seen)")["value"] == 2
    assert "'stray'" in sim.control("eval", code="seen[0]")["value"]


def test_a_thread_gets_a_result_and_an_error_from_the_main_thread(sim):
    code = (
        "import threading, maya.utils, maya.cmds\n"
        "seen = []\n"
        "def ask():\n"
        "    seen.append(maya.utils.executeInMainThreadWithResult(maya.cmds.about, version=True))\n"
        "    try: maya.utils.executeInMainThreadWithResult(lambda: 1 / 0)\n"
        "    except ZeroDivisionError as error: seen.append(str(error))\n"
        "    done.set()\n"
        "done = threading.Event()\n"
        "threading.Thread(target=ask).start()\n"
    )
    sim.control("eval", code=code)
    sim.until(lambda _: sim.control("eval", code="done.is_set()")["value"])
    assert sim.control("eval", code="repr(seen)")["value"] == "['2025', 'division by zero']"


def test_deferred_work_runs_later_and_its_error_is_shown(sim):
    sim.control("eval", code="import maya.utils; maya.utils.executeDeferred(print, 'later')")
    sim.control("eval", code="maya.utils.executeDeferred(lambda: 1 / 0)")
    sim.control("eval", code="1")
    shown = sim.control("script_editor")
    assert shown["output"] == "later\n"
    assert "ZeroDivisionError" in shown["errors"]


def test_busy_without_the_lock_leaves_other_threads_running(sim):
    began = time.monotonic()
    assert sim.control("busy", seconds=0.6, gil=False)["started"]
    sim.control("state")
    assert time.monotonic() - began < 0.6, "the control channel answers meanwhile"
    assert sim.send(sim.port("python"), "1") == "1"
    assert time.monotonic() - began >= 0.6, "the port answers only afterwards"


def test_busy_with_the_lock_stops_every_thread(sim):
    began = time.monotonic()
    assert sim.control("busy", seconds=0.3, gil=True)["started"]
    sim.control("state")
    assert time.monotonic() - began >= 0.3, "even the control channel has to wait"


def test_a_modal_dialog_holds_the_ports_until_it_is_dismissed(sim):
    assert sim.control("modal", until="dismiss", title="Save?")["started"]
    with connect(sim.port("python"), deadline=0.1) as client:
        client.sendall(b"1")
        with pytest.raises(socket.timeout):
            client.recv(1)
        assert sim.control("state")["modals"] == ["Save?"]
        assert sim.control("dismiss") == {"dismissed": "Save?"}
        client.settimeout(5)
        assert read_reply(client) == "1"


def test_a_modal_dialog_can_end_by_itself(sim):
    sim.control("modal", seconds=0.05)
    assert sim.send(sim.port("python"), "1") == "1"


def test_a_hanging_maya_still_answers_its_control_channel(sim):
    assert sim.control("hang")["started"]
    with pytest.raises(socket.timeout):
        sim.send(sim.port("python"), "1", deadline=0.1)
    assert sim.control("busy", seconds=0)["queued"], "nothing reaches the main thread any more"


def test_qts_own_events_run_inside_a_modal_dialog(start):
    sim = start(*PYTHON, qt=True)
    sim.control(
        "eval",
        code="from PySide6.QtCore import QTimer\n"
        "import maya.utils\n"
        "def ticked(): print('tick')\n"
        "timer = QTimer(); timer.timeout.connect(ticked); timer.start(1)\n",
    )
    sim.control("modal", until="dismiss")
    position = sim.control("script_editor")["position"]
    sim.until(lambda _: sim.control("script_editor", position=position)["output"])


def test_without_qt_there_is_none_to_import(start):
    sim = start(*PYTHON)
    assert "PySide6" in sim.send(sim.port("python"), "__import__('PySide6')")


def test_the_streams_have_little_more_than_write_and_flush(sim):
    has = "[hasattr(__import__('sys').stdout, n) for n in ('write', 'flush', 'isatty', 'fileno')]"
    assert sim.send(sim.port("python"), has) == "[True, True, False, False]"
    assert sim.control("state")["stdout"] == "maya.Output"


def test_batch_has_no_idle_main_thread(start):
    sim = start("--batch", "--command-port", "python:0")
    assert sim.ports[0]["language"] == "python", "and no default port"
    assert sim.control("eval", code="__import__('maya').cmds.about(batch=True)")["value"] is True
    assert sim.send(sim.port("python"), "1") == "", "the port cannot reach the main thread"
    sim.control("eval", code="import maya.utils\nmaya.utils.executeDeferred(print, 'x')")
    assert sim.control("script_editor")["output"] == ""
    sim.control("eval", code="maya.utils.processIdleEvents()")
    assert sim.control("script_editor")["output"] == "x\n"


def test_nothing_but_the_ready_line_goes_to_standard_output(start):
    sim = start(*PYTHON)
    sim.control("print", text="seen by the artist")
    sim.control("quit")
    sim.wait()
    assert sim.process.stdout.read() == b""
    assert sim.process.stderr.read() == b""
