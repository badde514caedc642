"""A desktop for each test: screen, bus, home, Mayas."""

import getpass
import shutil
import tempfile
from pathlib import Path

import pytest
from maya_sim.client import Sim

from .browser import Browser
from .bus import Bus
from .client import Client
from .menu import TrayMenu
from .program import ROOT, Home, Program
from .screen import Screen
from .services import Notices, TrayHost


@pytest.fixture(scope="session")
def screen():
    screen = Screen()
    yield screen
    screen.stop()


@pytest.fixture(scope="session")
def pictures():
    folder = ROOT / "target/desktop"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def studio():
    """Where Maya is installed: laid out once, and the only place where the program looks for it."""
    # Not pytest's folder: the path of a Unix socket has room for 107 characters only.
    path = tempfile.mkdtemp(prefix="studio.")
    yield Path(path)
    shutil.rmtree(path, ignore_errors=True)


class Desktop:
    def __init__(self, path, screen, studio):
        self.path = path
        self.screen = screen
        self.studio = studio
        self.bus = Bus(path)
        self.home = Home(path / "home", studio)
        self.environment = self.home.environment(screen, self.bus)
        self._running = []

    def maya(self, version, scene=None):
        """A Maya with a port that needs no asking."""
        maya = self._maya(version, "--default-port", "off", "--command-port", "python:0")
        if scene:
            maya.control("scene", op="save", path=str(maya.folder / scene))
        return maya

    def maya_that_asks(self, version):
        """A Maya as it comes: its port shows the security dialog, which somebody has to answer."""
        return self._maya(version)

    def maya_without_port(self, version):
        """Another Maya has taken over its port, as happens when two are started as they come."""
        maya = self._maya(version)
        self._keep(Sim.start(version, "--no-qt", folder=maya.folder, programs=self.studio))
        return maya

    def maya_with_start_up(self, version):
        """A Maya that runs its start-up file, and has no port."""
        settings = str(self.home.path / "maya")
        return self._maya(version, "--default-port", "off", "--user-setup", settings)

    def maya_elsewhere(self, version):
        """A Maya that is not found by itself, with a port that needs no asking."""
        options = ("--default-port", "off", "--command-port", "python:127.0.0.1:0")
        return self._maya(version, *options, programs=self.path / "elsewhere")

    def _maya(self, version, *options, programs=None):
        folder = self.path / f"maya{len(self._running)}"
        folder.mkdir()
        programs = programs or self.studio
        # Where its crash handler writes is where it is looked for.
        where = {"TMPDIR": str(folder), "USER": getpass.getuser()}
        return self._keep(
            Sim.start(version, "--no-qt", *options, folder=folder, programs=programs, env=where)
        )

    def start(self, *arguments, **environment):
        return self._keep(
            Program({**self.environment, **environment}, self.path / "tray.log", *arguments)
        )

    def browse(self, *arguments):
        return self._keep(Browser(self.environment, self.path / "tray.log", *arguments))

    def client(self, name):
        return Client(self, name)

    def tray_host(self):
        return TrayHost(self.bus)

    def menu(self, host):
        return TrayMenu(self.bus, host)

    def notices(self):
        return Notices(self.bus)

    def log(self):
        return (self.path / "tray.log").read_text(errors="replace")

    def _keep(self, thing):
        self._running.append(thing)
        return thing

    def stop(self):
        for thing in reversed(self._running):
            thing.stop()
        self.bus.close()


@pytest.fixture
def desktop(screen, studio, request):
    path = Path(tempfile.mkdtemp(prefix="desk."))
    desktop = Desktop(path, screen, studio)
    yield desktop
    desktop.stop()
    # pytest shows it beside a test that failed.
    if (path / "tray.log").exists():
        print(desktop.log())
    shutil.rmtree(path, ignore_errors=True)
