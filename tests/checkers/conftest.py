"""An engine for each test, and a home for the program that visits it."""

import re
import tempfile
from pathlib import Path

import pytest
from bench.engine import Engine
from maya_sim.client import Sim

from .programs import MAYA_MCP

# Of a session that begins, and of a request without one.
VERSION = re.compile(r'Service initialized.*ProtocolVersion\("([^"]+)"\)')


@pytest.fixture
def engine():
    """As it is shipped, and as it is started: with tokens."""
    # Not pytest's folder: the path of a Unix socket has room for 107 characters only.
    with tempfile.TemporaryDirectory(prefix="check.") as folder:
        with Engine(MAYA_MCP, folder) as engine:
            yield engine
            # pytest shows it beside a test that failed.
            print("\n".join(engine.log()))


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.fixture
def spoken(engine):
    """Holds the engine's own word against what a program was told to speak."""

    def spoken(version):
        """This version of the protocol, and no other to fall back on."""
        engine.until_said(VERSION.search)
        found = [VERSION.search(line) for line in engine.log()]
        assert {match[1] for match in found if match} == {version}, "the era that was asked for"

    return spoken


@pytest.fixture
def maya(engine):
    """Starts simulated Mayas where the engine looks for them."""
    running = []

    def start(version="2025"):
        folder = Path(tempfile.mkdtemp(dir=engine.home.parent, prefix="maya."))
        options = ("--no-qt", "--default-port", "off", "--command-port", "python:0")
        running.append(Sim.start(version, *options, folder=folder, programs=engine.studio))
        return running[-1]

    yield start
    for sim in running:
        sim.stop()
