"""The File menu: what asks the artist in a window, and when."""

import os

import pytest

from conftest import evaluator

TITLE = "Warning: Scene Not Saved"


def titles(maya):
    return [w["title"] for w in maya.sim.control("state")["dialogs"]["history"]]


@pytest.mark.parametrize("code", ["cmds.NewScene()", "mel.eval('NewScene')"])
def test_without_changes_it_is_done_at_once(maya, code):
    maya(code)
    assert titles(maya) == []


@pytest.mark.parametrize(
    ("answer", "kept"), [("cancel", True), ("dont-save", False), ("save", False)]
)
def test_unsaved_changes_are_asked_about(maya, folder, answer, kept):
    maya.sim.control("scene", op="save", path=f"{folder}/a.ma")
    maya("cmds.polyCube(n='box')")
    maya.sim.control("eval", code="cmds.NewScene()", wait=False)
    opened = maya.sim.control("wait_dialog")["open"]
    assert opened["title"] == TITLE and opened["buttons"] == ["Save", "Don't Save", "Cancel"]
    maya.sim.control("answer", answer=answer)
    assert maya("cmds.objExists('box')") is kept
    with open(f"{folder}/a.ma", encoding="utf-8") as file:
        assert ("box" in file.read()) is (answer == "save")


def test_a_scene_without_a_name_is_asked_for_one(maya, folder):
    maya("cmds.polyCube(n='box')")
    maya.sim.control("dialog", answers=["save", f"{folder}/named.ma"])
    maya("cmds.NewScene()")
    assert titles(maya) == [TITLE, "Save As"] and os.path.exists(f"{folder}/named.ma")


@pytest.mark.parametrize("command", ["OpenScene", "SaveScene", "SaveSceneAs"])
def test_some_ask_even_without_changes(maya, command):
    maya.sim.control("dialog", answers=["cancel"])
    maya(f"cmds.{command}()")
    assert len(titles(maya)) == 1


def test_a_file_is_opened_by_its_path(maya, folder):
    maya.sim.control("scene", op="save", path=f"{folder}/a.ma")
    maya("cmds.file(new=True)")
    maya.sim.control("dialog", answers=[f"{folder}/a.ma"])
    maya("cmds.OpenScene()")
    assert maya("cmds.file(q=True, sceneName=True)") == f"{folder}/a.ma"


@pytest.mark.parametrize("code", ["cmds.quit()", "cmds.Quit()", "mel.eval('quit')"])
def test_quitting_asks_too_and_can_be_cancelled(maya, code):
    maya("cmds.polyCube()")
    maya.sim.control("dialog", answers=["cancel", "dont-save"])
    maya(code)
    assert maya("cmds.about(version=True)") == "2025", "it stayed"
    maya.sim.control("eval", code=code, wait=False)
    assert maya.sim.wait() == 0


def test_a_forced_quit_asks_nobody(maya):
    maya("cmds.polyCube()")
    maya.sim.control("eval", code="cmds.quit(force=True)", wait=False)
    assert maya.sim.wait() == 0


def test_mels_procedure_asks_and_tells_whether_to_go_on(maya):
    maya("cmds.polyCube(n='box')")
    maya.sim.control("dialog", answers=["cancel", "dont-save"])
    save = "mel.eval('saveChanges(\"file -f -new\")')"
    assert maya(save) == 0
    assert maya(save) == 1 and maya("cmds.objExists('box')") is False


def test_a_batch_maya_has_no_menu(start):
    maya = evaluator(start("--batch"))
    with pytest.raises(RuntimeError, match="needs Maya's window"):
        maya("cmds.NewScene()")
