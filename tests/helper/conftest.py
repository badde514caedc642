"""What the helper's tests share: a home with invitations, and a Maya that turns."""

import json
import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

sys.path[:0] = [str(HERE), str(HERE / "fake_maya")]

from engine import Engine  # noqa: E402
from home import PACKAGE, ROOT, SOURCE, Home  # noqa: E402, F401


class Maya:
    """A thread that turns the fake's idle queue: the main thread, as far as the helper sees."""

    def __init__(self, state):
        self.state = state
        self.errors = []  # What came out of the idle queue: Maya would show it to the artist.
        self._thread = threading.Thread(target=self._turn, name="fake-maya-main")
        self._thread.start()

    def _turn(self):
        self.state.main_thread = threading.get_ident()
        while True:
            function = self.state.idle.get()
            if function is None:
                return
            try:
                function()
            except BaseException as error:
                self.errors.append(error)

    def do(self, function):
        """Runs function on the main thread and gives what it gives."""
        done = threading.Event()
        outcome = []

        def call():
            try:
                outcome.append((function(), None))
            except BaseException as error:
                outcome.append((None, error))
            done.set()

        self.state.idle.put(call)
        assert done.wait(20), "the fake Maya's main thread is stuck"
        value, error = outcome[0]
        if error is not None:
            raise error
        return value

    def quit(self):
        self.state.idle.put(None)
        self._thread.join(20)
        assert not self._thread.is_alive(), "the fake Maya does not end"


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "zu Hause bei Müller" / ".maya-mcp")
    home.install()
    return home


@pytest.fixture
def maya():
    import maya as package

    package.state.__init__()
    running = Maya(package.state)
    yield running
    module = sys.modules.get(PACKAGE)
    if getattr(module, "running", None) is not None:
        running.do(lambda: module.stop("left"))
    running.quit()
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


@pytest.fixture
def bring_in(maya, home):
    """Boots the helper and connects an engine to it; may be called again."""
    engines = []

    def bring(build="b1", client=None):
        nonce, secret = home.invite(build)
        reply = json.loads(maya.do(lambda: home.connect(nonce)))
        assert "error" not in reply, reply
        engine = Engine(reply["port"])
        engines.append(engine)
        engine.secret = secret
        engine.facts = engine.prove(secret, client)
        return engine

    yield bring
    for engine in engines:
        engine.close()


@pytest.fixture
def engine(bring_in):
    return bring_in()
