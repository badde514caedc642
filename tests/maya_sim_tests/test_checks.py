"""The check callbacks: somebody may refuse what is done with a scene."""

import pytest

from conftest import evaluator

CANCELLED = "File operation cancelled by user supplied callback"


@pytest.mark.parametrize(
    ("message", "operation"),
    [
        ("kBeforeNewCheck", "cmds.file(new=True, force=True)"),
        ("kBeforeOpenCheck", "cmds.file({path!r}, open=True, force=True)"),
        ("kBeforeSaveCheck", "cmds.file(save=True)"),
        ("kBeforeReferenceCheck", "cmds.file({path!r}, reference=True, namespace='a')"),
        ("kBeforeCreateReferenceCheck", "cmds.file({path!r}, reference=True, namespace='a')"),
        ("kBeforeNewCheck", "om.MFileIO.newFile(True)"),
    ],
)
def test_a_refusal_stops_it_forced_or_not_and_raises(maya, folder, message, operation):
    path = f"{folder}/a.ma"
    maya.sim.control("scene", op="save", path=path)
    maya("cmds.polyCube(n='kept')")
    maya("told = []")
    maya(
        f"made = om2.MSceneMessage.addCheckCallback(om2.MSceneMessage.{message}, "
        "lambda data: told.append(data) or False, 'mine')"
    )
    with pytest.raises(RuntimeError, match=CANCELLED):
        maya(operation.format(path=path))
    assert maya("told") == "['mine']", "client data is all it gets"
    assert maya("cmds.objExists('kept') and cmds.file(q=True, modified=True)") is True
    maya("om2.MMessage.removeCallback(made)")
    maya(operation.format(path=path))


@pytest.mark.parametrize(
    ("answer", "agrees"),
    [("True", True), ("1", True), ("None", False), ("0", False), ("1 / 0", True)],
)
def test_what_counts_as_agreement(maya, answer, agrees):
    maya(
        "om2.MSceneMessage.addCheckCallback(om2.MSceneMessage.kBeforeNewCheck, "
        f"lambda data: {answer})"
    )
    if agrees:
        assert maya("cmds.file(new=True, force=True)") == "untitled"
    else:
        with pytest.raises(RuntimeError, match=CANCELLED):
            maya("cmds.file(new=True, force=True)")


def test_unsaved_changes_are_told_of_before_anybody_is_asked(maya):
    maya("told = []")
    maya("om2.MSceneMessage.addCheckCallback(om2.MSceneMessage.kBeforeNewCheck, told.append)")
    maya("cmds.polyCube()")
    with pytest.raises(RuntimeError, match="Unsaved changes"):
        maya("cmds.file(new=True)")
    assert maya("told") == "[]"


def test_the_first_api_hands_over_the_answer_to_write_into(maya):
    maya("om.MSceneMessage.addCheckCallback(om.MSceneMessage.kBeforeNewCheck, lambda r, d: False)")
    assert maya("cmds.file(new=True, force=True)") == "untitled", "what it gives back is nothing"
    maya(
        "om.MSceneMessage.addCheckCallback(om.MSceneMessage.kBeforeNewCheck, "
        "lambda r, d: om.MScriptUtil.setBool(r, False))"
    )
    with pytest.raises(RuntimeError, match=CANCELLED):
        maya("cmds.file(new=True, force=True)")


def test_a_file_check_gets_the_file(maya, folder):
    maya.sim.control("scene", op="save", path=f"{folder}/a.ma")
    maya("told = []")
    maya(
        "om2.MSceneMessage.addCheckFileCallback(om2.MSceneMessage.kBeforeOpenCheck, "
        "lambda file, data: told.append(file.rawFullName()) or True)"
    )
    maya(f"cmds.file('{folder}/a.ma', open=True, force=True)")
    assert maya("told[0]") == f"{folder}/a.ma"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("addCallback", "kBeforeNewCheck"),
        ("addCheckCallback", "kBeforeNew"),
        ("addCheckFileCallback", "kBeforeNewCheck"),
    ],
)
def test_each_kind_of_message_has_a_door_of_its_own(maya, how, message):
    with pytest.raises(RuntimeError, match="kInvalidParameter"):
        maya(f"om2.MSceneMessage.{how}(om2.MSceneMessage.{message}, print)")


def test_the_numbers_are_mayas(maya):
    names = "kAfterOpen kMayaExiting kBeforeNewCheck kBeforeReferenceCheck kAfterCreateReference"
    numbers = maya(f"[getattr(om2.MSceneMessage, n) for n in {names.split()!r}]")
    assert numbers == "[6, 30, 31, 39, 45]"


def test_a_refusal_can_be_silent(start):
    maya = evaluator(start("--default-port", "off", "--refusal", "silent"))
    maya("om2.MSceneMessage.addCheckCallback(om2.MSceneMessage.kBeforeNewCheck, lambda d: False)")
    maya("cmds.polyCube(n='kept')")
    assert maya("cmds.file(new=True, force=True)") is None
    assert maya("cmds.objExists('kept')") is True


def test_a_refusal_can_come_with_a_window_unless_nobody_is_to_be_asked(start):
    maya = evaluator(start("--default-port", "off", "--refusal", "window", "--dialog", "allow"))
    maya("om2.MSceneMessage.addCheckCallback(om2.MSceneMessage.kBeforeNewCheck, lambda d: False)")
    for prompt, windows in ((False, 0), (True, 1)):
        maya(f"cmds.file(prompt={prompt})")
        with pytest.raises(RuntimeError, match=CANCELLED):
            maya("cmds.file(new=True, force=True)")
        assert len(maya.sim.control("state")["dialogs"]["history"]) == windows
