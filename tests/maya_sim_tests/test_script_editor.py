"""The Script Editor as a window, and what listening to it costs."""

import pytest

from conftest import evaluator

WINDOW = "__import__('maya_sim.running').running.maya.script_editor.window.widget"


@pytest.fixture
def maya(start):
    return evaluator(start("--default-port", "off", "--script-editor", qt=True))


def test_every_text_stands_at_its_end(maya):
    maya("print('one')")
    maya("cmds.warning('two')")
    assert maya(f"{WINDOW}.toPlainText()") == "one\n# Warning: two #\n"
    assert maya(f"{WINDOW}.isVisible(), {WINDOW}.isUndoRedoEnabled()") == "(True, False)"


def test_what_another_thread_prints_arrives(maya):
    maya("import threading\nthreading.Thread(target=print, args=('stray',)).start()")
    maya.sim.until(lambda _: "stray" in maya(f"{WINDOW}.toPlainText()"))


def test_it_does_not_grow_without_end(maya):
    maya("print('line\\n' * 12_000)")
    assert maya(f"{WINDOW}.document().blockCount()") <= 5_001
    maya("print('last')")
    assert maya(f"{WINDOW}.toPlainText()").endswith("last\n")


def test_it_needs_qt(folder):
    from maya_sim.client import Sim

    with pytest.raises(RuntimeError, match="needs Qt"):
        Sim.start("2025", "--no-qt", "--script-editor", folder=folder)
