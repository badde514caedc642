"""Unsaved changes are not lost by a run, and Maya never asks about them in a window."""

import contextlib
import ctypes
import json
import linecache
import sys
import threading
import time
import types
import warnings

import pytest

from conftest import Home
from engine import Engine
from method_calls import load, put_maya, stand_in


class Scene:
    """Maya's scene as far as the guard sees it: commands, check messages, and who listens."""

    def __init__(self, modified=True):
        self.modified = modified
        self.prompt = True
        self.questions = 0
        self.checks = {}
        self.closed = 0
        self.callbacks = 0

    def file(self, query=False, modified=None, prompt=None, new=False, force=False):
        self.questions += 1
        if query:
            return self.modified if modified else self.prompt
        if prompt is not None:
            self.prompt = prompt
        if new:
            return self.new()
        return None

    def new(self, moment="kBeforeNewCheck"):
        """As Maya does it: where a check refuses, nothing happens, and nobody is told."""
        answers = [
            self.answer(*check) for check in list(self.checks.values()) if check[0] == moment
        ]
        if all(answers):
            self.closed += 1

    def answer(self, moment, function, with_file):
        answer = function("file", None) if with_file else function(None)
        assert answer is True or answer is False, "Maya takes a bool"
        return answer

    def add(self, moment, function, with_file):
        if not callable(function):
            raise TypeError("a callable is needed")
        self.callbacks += 1
        self.checks[self.callbacks] = moment, function, with_file
        return self.callbacks

    def put(self, monkeypatch, api=True):
        messages = types.SimpleNamespace(
            kBeforeNewCheck="kBeforeNewCheck",
            kBeforeOpenCheck="kBeforeOpenCheck",
            addCheckCallback=lambda moment, function: self.add(moment, function, False),
            addCheckFileCallback=lambda moment, function: self.add(moment, function, True),
            removeCallback=self.checks.pop,
        )
        put_maya(monkeypatch, {"file": self.file}, {"MSceneMessage": messages} if api else None)


@pytest.fixture
def guarded(monkeypatch):
    """(module, scene, a guard that listens)."""
    module = load(monkeypatch, "guard")
    scene = Scene()
    scene.put(monkeypatch)
    guard = module.Guard()
    guard.listen()
    yield module, scene, guard
    guard.close()
    assert scene.checks == {}, "no callback is left in Maya"
    assert sys.gettrace() is None or "coverage" in sys.modules


def run(guard, code, unsaved="refuse", scope=None):
    """What a run does: (what ended the code, what the guard tells)."""
    linecache.cache["<maya-mcp 7>"] = len(code), None, code.splitlines(True), "<maya-mcp 7>"
    guard.begin(code, unsaved)
    ended = None
    try:
        exec(compile(code, "<maya-mcp 7>", "exec"), {} if scope is None else scope)
    except BaseException as error:
        ended = error
    return ended, guard.end()


NEW = "import maya.cmds as cmds\nlater = []\ncmds.file(new=True, force=True)\nlater.append(1)\n"


def test_code_does_not_close_a_scene_with_unsaved_changes(guarded):
    module, scene, guard = guarded
    scope = {}
    ended, told = run(guard, NEW, scope=scope)
    assert scene.closed == 0
    assert isinstance(told, module.UnsavedChanges)
    assert "cmds.file(save=True)" in str(told)
    assert "unsaved='discard'" in str(told)
    assert "the code was ended there" in str(told)
    assert ended is told, "Maya gives no error, and yet the code does not go on in the wrong scene"
    assert scope["later"] == []


@pytest.mark.parametrize(
    "code",
    [
        "cmds.file(new=True, force=True); later.append(1)",
        "try:\n    cmds.file(new=True)\nexcept Exception:\n    pass\nlater.append(1)",
        "def tool():\n    cmds.file(new=True)\n    later.append(1)\ntool()\nlater.append(2)",
        "[cmds.file(new=True) for _ in range(3)]\nlater.append(1)",
        "cmds.file(new=True)",
        "library(cmds)\nlater.append(1)",
    ],
)
def test_refused_code_ends_wherever_it_was(guarded, code):
    module, scene, guard = guarded

    def library(cmds):
        cmds.file(new=True)
        later.append("library")

    later = []
    scope = {"cmds": sys.modules["maya.cmds"], "later": later, "library": library}
    ended, told = run(guard, code, scope=scope)
    assert ended is told
    assert isinstance(told, module.UnsavedChanges)
    if hasattr(sys._getframe(), "f_trace_opcodes"):
        assert later == []
    assert sys.gettrace() is None
    assert run(guard, "1") == (None, None), "the next run knows nothing of it"


def test_opening_another_scene_is_refused_as_well(guarded):
    module, scene, guard = guarded
    guard.begin("", "refuse")
    scene.new("kBeforeOpenCheck")
    assert scene.closed == 0
    assert isinstance(guard.end(), module.UnsavedChanges)


def test_with_discard_or_without_changes_the_scene_is_closed(guarded):
    _, scene, guard = guarded
    assert run(guard, NEW, "discard") == (None, None)
    assert scene.closed == 1
    scene.modified = False
    assert run(guard, NEW) == (None, None)
    assert scene.closed == 2


def test_code_that_saves_first_may_close_the_scene(guarded):
    _, scene, guard = guarded
    scope = {"saved": lambda: setattr(scene, "modified", False)}
    assert run(guard, "saved()\n" + NEW, scope=scope) == (None, None)
    assert scene.closed == 1


def test_the_artist_is_free_before_after_and_between_runs(guarded):
    _, scene, guard = guarded
    scene.new()
    run(guard, "1")
    scene.new()
    scene.new("kBeforeOpenCheck")
    assert scene.closed == 3


def test_a_debugger_that_is_attached_is_left_alone(guarded):
    module, scene, guard = guarded

    def debugger(*_):
        return None

    sys.settrace(debugger)
    try:
        ended, told = run(guard, NEW)
        assert sys.gettrace() is debugger
    finally:
        sys.settrace(None)
    assert ended is None
    assert isinstance(told, module.UnsavedChanges), "it is told all the same"
    assert "the code went on, in this scene" in str(told)


def test_a_debugger_attached_meanwhile_stays(guarded, monkeypatch):
    module, _, guard = guarded
    raise_in = module.ending.raise_in

    def debugger(*_):
        return None

    def attach(frames, error):
        raise_in(frames, error)
        sys.settrace(debugger)

    monkeypatch.setattr(module.ending, "raise_in", attach)
    try:
        ended, told = run(guard, NEW)
        assert sys.gettrace() is debugger
    finally:
        sys.settrace(None)
    assert ended is None
    assert "the code went on" in str(told)


class Loop:
    """Qt's event loop, in which somebody does something."""

    def __init__(self, *happens):
        self.happens = happens

    def exec_(self):
        for what in self.happens:
            with contextlib.suppress(BaseException):  # As PySide prints it.
                what()


@pytest.mark.parametrize("line", ["loop.exec_()", "loop . exec_ ()", "app.processEvents(); 2"])
@pytest.mark.parametrize("by", ["mel", "tool"])
def test_the_artist_may_close_the_scene_while_a_run_turns_the_event_loop(guarded, line, by):
    _, scene, guard = guarded
    tool = {"new": scene.new}
    exec(compile("def use():\n    new()\n", "/studio/shelf.py", "exec"), tool)
    loop = Loop(scene.new if by == "mel" else tool["use"])
    loop.processEvents = loop.exec_
    code = f"def wait(loop):\n    {line.replace('app', 'loop')}\nwait(loop)\nlater.append(1)"
    later = []
    assert run(guard, code, scope={"loop": loop, "later": later}) == (None, None)
    assert (scene.closed, later) == (1, [1])


def test_what_a_runs_own_slot_closes_is_refused_and_the_message_says_that_the_code_went_on(guarded):
    module, scene, guard = guarded
    scope = {"Loop": Loop, "seen": [], "new": scene.new}
    code = (
        "def slot():\n    new()\n    seen.append('the slot')\n"
        "loop = Loop(slot)\nloop.exec_()\nseen.append('the code')\n"
    )
    ended, told = run(guard, code, scope=scope)
    assert scene.closed == 0
    assert scope["seen"] == ["the code"]
    assert ended is None
    assert isinstance(told, module.UnsavedChanges)
    assert "the code went on, in this scene" in str(told)
    assert "the code was ended there" not in str(told)


def test_code_that_catches_everything_is_not_told_to_have_ended(guarded):
    _, _, guard = guarded
    code = (
        "import maya.cmds as c\ntry:\n    c.file(new=True)\n    1\nexcept BaseException:\n    pass"
    )
    ended, told = run(guard, code)
    assert ended is None
    assert "the code went on" in str(told)


def test_mel_is_refused_whatever_turned_the_loop_that_the_run_itself_came_from(guarded):
    module, scene, guard = guarded
    run_mel = {"eval": scene.new}
    exec(compile("def mel():\n    eval()\n", module.OURS + "languages.py", "exec"), run_mel)
    guard.begin("file -f -new", "refuse")
    Loop(run_mel["mel"]).exec_()
    assert scene.closed == 0
    assert "the code went on" in str(guard.end())


def test_a_stop_in_the_middle_of_a_refusal_leaves_no_empty_message(guarded, monkeypatch):
    module, _, guard = guarded
    raise_in = module.ending.raise_in
    stops = [module.Stop()]
    messages = []

    def stopped(frames, error):
        messages.append(str(error))
        if stops:
            raise stops.pop()
        raise_in(frames, error)

    monkeypatch.setattr(module.ending, "raise_in", stopped)
    ended, told = run(guard, NEW)
    assert ended is told, "the code is ended all the same"
    assert all("the scene has unsaved changes" in message for message in messages)


def test_reading_code_warns_nobody(guarded):
    _, _, guard = guarded
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        guard.begin("p = '\\d quit'\nq = 1 is 1", "refuse")
        guard.end()
    assert warned == []


def test_a_maya_without_check_callbacks_registers_nothing(monkeypatch):
    module = load(monkeypatch, "guard")
    scene = Scene()
    scene.put(monkeypatch, api=False)
    guard = module.Guard()
    guard.listen()
    assert run(guard, "1") == (None, None)
    guard.close()
    assert scene.checks == {}


@pytest.mark.parametrize("unsaved", ["refuse", "discard"])
def test_dialogs_about_missing_files_are_off_during_a_run_only(guarded, unsaved):
    _, scene, guard = guarded
    seen = []
    scope = {"look": lambda: seen.append(scene.prompt)}
    run(guard, "look()", unsaved, scope)
    assert (seen, scene.prompt) == ([False], True)
    scene.prompt = False
    run(guard, "look()", unsaved, scope)
    assert scene.prompt is False, "who turned it off finds it off"


def test_a_run_costs_at_most_three_questions(guarded):
    _, scene, guard = guarded
    scene.modified = False
    guard.begin("cmds.NewScene()", "refuse")
    assert scene.questions <= 3
    guard.end()
    assert scene.questions <= 4
    scene.questions = 0
    code = "cmds.polyCube()\n" * 1000
    started = time.perf_counter()
    for _ in range(100):
        guard.begin(code, "refuse")
        guard.end()
    assert (time.perf_counter() - started) / 100 < 0.005
    assert scene.questions == 300


ASKING = [
    ("cmds.NewScene()", "NewScene"),
    ("mel.eval('NewScene;')", "NewScene"),
    ('mel.eval("""\nOpenScene;\n""")', "OpenScene"),
    ("NewScene;", "NewScene"),
    ("if (`saveChanges(\"file -f -new\")`) file -f -new;", "saveChanges"),
    ("getattr(cmds, 'OpenScene')()", "OpenScene"),
    ("from maya.cmds import NewScene as n", "NewScene"),
    ('mel.eval(\'openRecentFile "a.ma" "mayaAscii"\')', "openRecentFile"),
    ("cmds.quit()", "quit"),
    ("import maya.cmds as c\nc.quit()", "quit"),
    ("from maya import cmds as m\nm.quit(exitCode=3)", "quit"),
    ("from maya.cmds import quit as q\nq()", "quit"),
    ("from maya.cmds import *\nquit()", "quit"),
    ("cmds . quit ( force = False )", "quit"),
    ("cmds.evalDeferred(cmds.quit)", "quit"),
    ("cmds.evalDeferred('quit')", "quit"),
    ("mel.eval('print 1; quit -exitCode 3;')", "quit"),
    ("mel.eval(f'quit')", "quit"),
    ("quit", "quit"),
    ("quit;", "quit"),
    ("polyCube; quit", "quit"),
    ("if (1) quit;", "quit"),
    ("eval(\"quit\")", "quit"),
    ("proc x() {\n  quit;\n}", "quit"),
    ("python(\"import maya.cmds as cmds; cmds.quit()\")", "quit"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "command"), ASKING)
@pytest.mark.parametrize("unsaved", ["refuse", "discard"])
def test_what_would_ask_in_a_window_does_not_begin(guarded, code, command, unsaved):
    module, scene, guard = guarded
    with pytest.raises(module.UnsavedChanges) as raised:
        guard.begin(code, unsaved)
    message = str(raised.value)
    assert f"{command} would ask about them in a window" in message
    assert "cmds.file(save=True)" in message
    assert "force=True" in message
    assert ("unsaved='discard'" in message) is (unsaved == "refuse")
    assert scene.prompt is True
    assert guard.end() is None
    scene.modified = False
    guard.begin(code, unsaved)
    guard.end()


FORCED = ["cmds.quit(force=True)", "cmds.quit(f=1)", "cmds.quit(abort=True)", "quit -f;",
          "mel.eval('quit -force')", "cmds.quit(force=True, exitCode=int('3'))"]  # fmt: skip


@pytest.mark.parametrize("code", FORCED)
def test_quitting_by_force_needs_discard(guarded, code):
    module, _, guard = guarded
    with pytest.raises(module.UnsavedChanges) as raised:
        guard.begin(code, "refuse")
    assert "quits Maya" in str(raised.value)
    guard.begin(code, "discard")
    guard.end()


HARMLESS = [
    "# NewScene would ask\ncmds.polyCube()",
    "x = 1  # cmds.quit()",
    "// NewScene\npolyCube;",
    "/* quit; */ polyCube;",
    "app.quit()",
    "self.thread().quit()",
    "QApplication.instance().quit()",
    "QThread.currentThread().quit()",
    "def quit(self):\n    pass",
    "def quit():\n    pass\nquit()",
    "quit = True",
    "wants_to_quit()\nquitting = 1",
    "cmds.button(label='Quit')",
    "cmds.button(label='quit')\nprint('press quit() to leave')",
    "MyNewScene()\nNewSceneOptions = 1",
    "print('OpenScenes')",
    "cmds.file(new=True, force=True)",
    "cmds.file('a.ma', open=True)",
    "print \"please do not quit now\";",
    "string $quit = \"x\";",
]  # fmt: skip


@pytest.mark.parametrize("code", HARMLESS)
def test_a_mention_that_is_none_does_not_keep_code_from_running(guarded, code):
    _, scene, guard = guarded
    guard.begin(code, "refuse")
    assert guard.end() is None
    assert scene.prompt is True


@pytest.mark.parametrize(
    "code",
    ["quit" * 200_000, "(" * 100_000 + "quit", "quit(" * 20_000, "a." * 100_000 + "quit",
     "'quit " * 50_000, "quit -a " * 30_000, "/*" * 100_000 + "quit", "\0quit", "\ud800 quit",
     "// \nstring $a; " + "import " * 20_000 + " quit ", "x" + " = quit(" * 20_000,
     "print 1;quit " + '\\"' * 100_000, "print 1;" + "\n" * 200_000 + "quit-",
     "; " * 99_000 + "quit$",
     "a." * 100_000 + "quit$", "mel.eval('quit') " * 10_000 + "$", "mel.eval('quit')\n" * 10_000,
     "w" * 250_000 + ".quit eval$", "mel.eval('" + "a." * 50_000 + "quit')",
     "a" + ".quit" * 50_000, "eval" * 50_000 + " quit",
     "quit " * 2_000_000, "x = quit\n" * 500_000],
)  # fmt: skip
def test_no_code_takes_long_to_look_through(guarded, code):
    module, _, guard = guarded
    started = time.perf_counter()
    with contextlib.suppress(module.UnsavedChanges):
        guard.begin(code, "refuse")
    guard.end()
    assert time.perf_counter() - started < 2


def test_nothing_escapes_from_a_callback(guarded, monkeypatch):
    module, scene, guard = guarded
    failures = [module.Stop(), KeyboardInterrupt(), module.Stop()]

    def modified():
        if failures:
            raise failures.pop()
        return True

    monkeypatch.setattr(module, "_is_modified", modified)
    guard.begin("", "refuse")
    scene.new()
    assert failures == []
    assert scene.closed == 0, "a stop in the middle of it is no consent"
    assert isinstance(guard.end(), module.UnsavedChanges)


def test_a_failing_question_refuses_and_the_next_one_is_answered(guarded, monkeypatch):
    module, scene, guard = guarded

    def failing():
        raise ValueError("a mistake of ours")

    with monkeypatch.context() as patched:
        patched.setattr(module, "_is_modified", failing)
        guard.begin("", "refuse")
        scene.new()
        guard.end()
    assert scene.closed == 0
    scene.new()
    assert scene.closed == 1, "the artist is free again"


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="stops need CPython")
def test_a_stop_that_arrives_in_a_callback_stays_in_it(guarded, monkeypatch):
    module, scene, guard = guarded
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    me = ctypes.c_ulong(threading.get_ident())
    raised = []

    def modified():
        if not raised:
            raised.append(True)
            raise_in(me, ctypes.py_object(module.Stop))
        return True

    monkeypatch.setattr(module, "_is_modified", modified)
    guard.begin("", "refuse")
    scene.new()
    assert raised == [True]
    assert scene.closed == 0
    assert isinstance(guard.end(), module.UnsavedChanges)


def test_in_the_stand_in_an_artists_work_survives_a_run():
    with stand_in("--no-qt") as run:
        run("cmds.polyCube()")
        run("from maya_mcp_helper import guard; g = guard.Guard(); g.listen()")
        code = "cmds.file(new=True, force=True)\ncmds.polySphere()"
        run("g.begin('', 'refuse')")
        with pytest.raises(RuntimeError, match="UnsavedChanges"):
            run(f"exec(compile({code!r}, '<maya-mcp 9>', 'exec'))")
        assert run("type(g.end()).__name__") == "UnsavedChanges"
        assert (
            run("repr((cmds.objExists('pCube1'), cmds.objExists('pSphere1')))") == "(True, False)"
        )
        assert run("cmds.file(q=True, prompt=True)") is True
        run("g.begin('', 'discard')")
        run(code)
        assert run("g.end()") is None
        assert (
            run("repr((cmds.objExists('pCube1'), cmds.objExists('pSphere1')))") == "(False, True)"
        )
        run("cmds.file(new=True, force=True)")  # The artist, by himself.
        assert run("cmds.objExists('pSphere1')") is False
        run("g.close()")
        assert run.sim.control("state")["callbacks"]["scene"] == 0


TURNING = """
import sys, maya.cmds as cmds
from PySide6 import QtCore
loop = QtCore.QEventLoop()
timer = QtCore.QTimer()
timer.timeout.connect(lambda: cmds.file(query=True, modified=True) or loop.quit())
timer.start(5)
sys.turning = True
loop.exec()
'the loop has ended'
"""
SLOT = """
seen = []
def slot():
    try:
        cmds.file(new=True, force=True)
        seen.append('the slot went on')
    finally:
        loop.quit()
QtCore.QTimer.singleShot(0, slot)
loop.exec()
seen.append('the code went on')
"""


def test_in_the_stand_in_the_artist_closes_the_scene_while_code_turns_qts_loop(tmp_path):
    home = Home(tmp_path / ".maya-mcp")
    home.install()
    with stand_in("--command-port", "python:0") as run:
        nonce, secret = home.invite()
        boot = f"__import__('runpy').run_path({ascii(str(home.path / 'boot.py'))})"
        reply = json.loads(run.sim.send(run.sim.port("python"), f"{boot}['connect']('{nonce}')"))
        engine = Engine(reply["port"])
        engine.prove(secret)
        run.sim.control("scene", op="modify")
        number = engine.ask("execute", code=TURNING)
        while not run("getattr(sys, 'turning', False)"):
            pass
        run.sim.control("command_line", code="file -f -new", language="mel")
        outcome = engine.outcome(number)
        assert (outcome["error"], outcome["result"]) == (None, "the loop has ended")

        run.sim.control("scene", op="modify")
        error = engine.execute(SLOT)["error"]
        assert error["type"] == "UnsavedChanges"
        assert "the code went on" in error["message"]
        assert engine.execute("seen")["result"] == ["the code went on"]
        error = engine.execute("file -f -new", language="mel")["error"]
        assert error["type"] == "UnsavedChanges"
        assert "the code went on" in error["message"]
        error = engine.execute("cmds.file(new=True, force=True)")["error"]
        assert "the code was ended there" in error["message"]
        outcome = engine.answer(engine.ask("write_module", name="m_x", code=NEW))
        assert outcome["error"]["type"] == "UnsavedChanges"
        assert "the code was ended there" in outcome["error"]["message"]
        assert engine.execute("cmds.file(query=True, modified=True)")["result"] is True
        engine.close()
