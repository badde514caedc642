"""The process: what it is called, how it starts, how it ends."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from maya_sim.client import TESTS, Sim
from maya_sim.lay_out import lay_out

DEBIAN = "/usr/bin/python3.11"


def test_the_program_and_the_process_are_called_maya_bin(start):
    sim = start("--default-port", "off")
    exe = os.readlink(f"/proc/{sim.pid}/exe")
    with open(f"/proc/{sim.pid}/comm") as comm:
        assert comm.read().strip() == "maya.bin", "sensors look at this name"
    assert exe.endswith("/maya2025/bin/maya.bin"), "and at the path, which tells the version"


def test_the_version_is_read_from_the_path(start):
    assert start("--default-port", "off", version="2023").ready["version"] == "2023"


@pytest.mark.skipif(not os.path.exists(DEBIAN), reason="there is no Python of Debian here")
def test_debians_python_can_be_laid_out_too(folder):
    made = subprocess.run(
        [DEBIAN, "-m", "maya_sim.lay_out", folder, "2026"],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    run = subprocess.run(
        [made, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True
    )
    assert run.stdout.strip() == f"{folder}/maya2026", "it finds the pyvenv.cfg beside it"


def test_laying_out_twice_gives_the_same_program(folder):
    assert lay_out(folder, "2025") == lay_out(folder, "2025")


def test_a_clean_quit_tells_the_callbacks_and_takes_the_socket_along(start, folder):
    sim = start()
    told = f"{folder}/told"
    sim.control(
        "eval",
        code="from maya.OpenMaya import MSceneMessage as m\n"
        f"m.addCallback(m.kMayaExiting, lambda _: open({told!r}, 'w'))",
    )
    sim.control("quit")
    assert sim.wait() == 0
    assert os.path.exists(told), "kMayaExiting fired"
    assert not os.path.exists(sim.port("mel")), "the port's file is gone"


def test_a_kill_leaves_a_socket_that_refuses(start):
    sim = start()
    assert sim.control("crash", signal="SIGKILL")["recovered"] is None
    assert sim.wait() == -signal.SIGKILL
    assert os.path.exists(sim.port("mel")), "nobody was left to remove it"
    with pytest.raises(ConnectionRefusedError):
        sim.send(sim.port("mel"), "about -v")


def test_a_segmentation_fault_leaves_a_recovered_scene(start, folder):
    scene = f"{folder}/shot_010.ma"
    sim = start("--default-port", "off")
    sim.control("scene", op="save", path=scene)
    recovered = sim.control("crash", signal="SIGSEGV")["recovered"]
    assert sim.wait() == -signal.SIGSEGV
    assert os.path.basename(recovered).startswith("shot_010[Recovered-")
    assert os.path.exists(recovered)


def test_a_frozen_crash_stays_alive_and_answers_nothing(start):
    sim = start("--command-port", "python:0")
    reply = sim.control("freeze_crash")
    assert reply["started"] and os.path.exists(reply["recovered"])
    with pytest.raises(socket.timeout):
        sim.send(sim.port("python"), "1", deadline=0.2)
    assert sim.process.poll() is None, "it is behind its dialog, not gone"
    sim.control("quit_now", code=3)
    assert sim.wait() == 3


def test_it_dies_with_the_process_that_started_it(folder):
    lay_out(folder, "2025")
    code = (
        "from maya_sim.client import Sim\n"
        f"s = Sim.start('2025', '--no-qt', '--default-port', 'off', folder={folder!r})\n"
        "print(s.pid, flush=True); import os; os._exit(0)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdout=subprocess.PIPE,
        text=True,
    )
    pid = int(run.stdout)
    deadline = time.monotonic() + 5
    while _alive(pid):
        assert time.monotonic() < deadline, "the stand-in outlived its parent"


def test_a_port_that_cannot_be_opened_ends_it_with_a_word(folder):
    with pytest.raises(RuntimeError, match="Could not open command port"):
        Sim.start("2025", "--no-qt", "--command-port", "mel:/nowhere/sock", folder=folder)


def test_an_unknown_answer_ends_it_with_a_word(folder):
    with pytest.raises(RuntimeError, match="--dialog takes"):
        Sim.start("2025", "--dialog", "perhaps", folder=folder)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
