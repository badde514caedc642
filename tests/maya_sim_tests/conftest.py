"""What the tests of the stand-in share: a short folder for its program and sockets."""

import shutil
import tempfile

import pytest

from maya_sim.client import Sim


@pytest.fixture
def folder():
    # Not pytest's tmp_path: the path of a Unix socket has room for 107 characters only.
    path = tempfile.mkdtemp(prefix="sim.")
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def programs(tmp_path_factory):
    """Where the interpreters are laid out, once for all tests."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture
def start(folder, programs):
    """Starts stand-ins and ends them after the test. Without Qt unless told: few need it."""
    running = []

    def starter(*arguments, qt=False, version="2025", **more):
        if not qt:
            arguments = ("--no-qt", *arguments)
        sim = Sim.start(version, *arguments, folder=folder, programs=programs, **more)
        running.append(sim)
        return sim

    yield starter
    for sim in running:
        sim.stop()


@pytest.fixture
def maya(start):
    """Evaluates Python on the main thread, with `cmds`, `mel` and both APIs at hand."""
    return evaluator(start("--default-port", "off"))


def evaluator(sim):
    """A function that evaluates in this stand-in; `.sim` is the stand-in itself."""
    sim.control(
        "eval",
        code="import maya.cmds as cmds, maya.mel as mel, maya.OpenMaya as om\n"
        "import maya.api.OpenMaya as om2",
    )

    def run(code):
        return sim.control("eval", code=code)["value"]

    run.sim = sim
    return run
