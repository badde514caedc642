"""`maya.cmds` and the OpenMaya callbacks: a small scene that behaves like Maya's."""

import os

import pytest


def test_one_chunk_is_one_undo(maya):
    maya("cmds.undoInfo(openChunk=True, chunkName='from the client')")
    maya("cmds.polyCube(), cmds.polyCube()")
    maya("cmds.undoInfo(closeChunk=True)")
    assert maya("cmds.undoInfo(q=True, undoName=True)") == "from the client"
    assert maya("len(cmds.ls(type='mesh'))") == 2
    maya("cmds.undo()")
    assert maya("len(cmds.ls(type='mesh'))") == 0
    maya("cmds.redo()")
    assert maya("len(cmds.ls(type='mesh'))") == 2
    assert maya.sim.control("state")["undo"] == ["from the client"]


def test_undo_with_nothing_to_undo_raises(maya):
    with pytest.raises(RuntimeError, match="no more commands to undo"):
        maya("cmds.undo()")


def test_names_are_counted_up_and_shapes_follow(maya):
    assert maya("cmds.polyCube(n='box')[0] + cmds.polyCube(n='box')[0]") == "boxbox1"
    assert maya("cmds.rename('box', 'crate')") == "crate"
    assert maya("cmds.objExists('crateShape')") is True
    assert maya("cmds.ls('crate*', long=True)") == "['|crate', '|crate|crateShape']"


def test_attributes_are_kept_by_type(maya):
    maya("cmds.polySphere(n='ball')")
    maya("cmds.setAttr('ball.tx', 3)")
    assert maya("cmds.getAttr('ball.translateX')") == 3.0
    assert maya("cmds.getAttr('ball.translate')") == "[(3.0, 0.0, 0.0)]"
    with pytest.raises(RuntimeError, match="No object matches name: ball.teapot"):
        maya("cmds.getAttr('ball.teapot')")


def test_unsaved_changes_are_not_lost_without_force(maya, folder):
    maya("cmds.polyCube()")
    with pytest.raises(RuntimeError, match="Unsaved changes"):
        maya("cmds.file(new=True)")
    maya("cmds.file(new=True, force=True)")
    assert maya("cmds.file(q=True, modified=True)") is False
    with pytest.raises(RuntimeError, match="No file name"):
        maya("cmds.file(save=True)")


def test_a_scene_can_be_saved_and_opened_again(maya, folder):
    path = f"{folder}/shot_010.ma"
    maya("cmds.polyCube(n='box')")
    maya(f"cmds.file(rename={path!r})")
    maya("cmds.file(save=True, type='mayaAscii')")
    maya("cmds.file(new=True)")
    assert maya("cmds.objExists('box')") is False
    maya(f"cmds.file({path!r}, open=True)")
    assert maya("cmds.objExists('box')") is True
    assert maya("cmds.file(q=True, sceneName=True)") == path
    assert maya("mel.eval('file -q -sn -shn')") == "shot_010.ma"
    with pytest.raises(RuntimeError, match="File not found"):
        maya("cmds.file('/nowhere.ma', open=True)")


def test_scene_messages_fire_in_mayas_order(maya, folder):
    maya("told = []")
    for name in ("kBeforeNew", "kAfterNew", "kAfterOpen", "kBeforeSave", "kAfterSave"):
        maya(f"om.MSceneMessage.addCallback(om.MSceneMessage.{name}, told.append, {name!r})")
    maya.sim.control("scene", op="new")
    maya.sim.control("scene", op="save", path=f"{folder}/a.ma")
    maya.sim.control("scene", op="open", path=f"{folder}/a.ma")
    assert maya("' '.join(told)") == "kBeforeNew kAfterNew kBeforeSave kAfterSave kAfterOpen"


def test_a_removed_callback_is_silent_and_cannot_be_removed_twice(maya):
    maya("made = om.MEventMessage.addEventCallback('NameChanged', print, 'renamed')")
    maya("cmds.polyCube(n='a')")
    maya("cmds.rename('a', 'b')")
    assert maya.sim.control("state")["callbacks"]["event"] == 1
    maya("om.MMessage.removeCallback(made)")
    maya("cmds.rename('b', 'c')")
    assert maya.sim.control("script_editor")["output"] == "renamed\n"
    with pytest.raises(RuntimeError, match="kInvalidParameter"):
        maya("om.MMessage.removeCallback(made)")


def test_a_callback_that_raises_disturbs_nobody(maya):
    maya("om.MSceneMessage.addCallback(om.MSceneMessage.kAfterNew, lambda d: 1 / 0)")
    maya("cmds.file(new=True, force=True)")
    assert "ZeroDivisionError" in maya.sim.control("script_editor")["errors"]


def test_the_selection_is_told_once_and_later(maya):
    maya("told = []")
    maya("cmds.scriptJob(event=['SelectionChanged', lambda: told.append(cmds.ls(sl=True))])")
    maya("(cmds.polyCube(n='a'), cmds.polyCube(n='b'), len(told))[2] == 0")
    maya("1")
    assert maya("repr(told)") == "[['b']]"


def test_unknown_events_are_refused(maya):
    with pytest.raises(RuntimeError, match="unknown"):
        maya("cmds.scriptJob(event=['BeforeSave', print])")


def test_printed_output_reaches_the_output_callbacks(maya):
    maya("told = []")
    maya("made = om.MCommandMessage.addCommandOutputCallback(lambda t, k, d: told.append((t, k)))")
    maya("print('x')")
    maya("cmds.warning('careful')")
    maya("om.MMessage.removeCallback(made)")
    assert maya("told[0]") == "('x', 1)"
    assert maya("told[-1]") == "('# Warning: careful #\\n', 3)"


@pytest.mark.parametrize(
    ("flags", "head"),
    [
        ("compression='png'", b"\x89PNG"),
        ("compression='jpg'", b"\xff\xd8\xff"),
        ("", b"FOR4"),
    ],
)
def test_a_playblast_takes_its_format_from_the_settings_not_from_the_name(
    maya, folder, flags, head
):
    path = f"{folder}/view.png"
    maya(
        f"cmds.playblast(frame=1, format='image', viewer=False, completeFilename={path!r}, {flags})"
    )
    with open(path, "rb") as picture:
        assert picture.read(4).startswith(head)


def test_option_variables_answer_zero_when_unknown(maya):
    assert maya("cmds.optionVar(q='nothing')") == 0
    assert maya("cmds.optionVar(q='commandportOpenByDefault')") == 0, "this Maya has it off"
    maya("cmds.optionVar(sv=('studio', 'us'))")
    assert maya("mel.eval('optionVar -q studio')") == "us"
    assert maya("mel.eval('optionVar -exists \"studio\"')") == 1


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ('string $s = "a" + 1; print $s; eval("about -batch")', 0),
        ('size(`ls -type "mesh"`)', 0),
        ('objExists("persp")', 1),
        ("// nothing", None),
        ("undoInfo -q -undoQueueEmpty", 1),
        ('commandPort -q -name "nobody"', 0),
    ],
)
def test_a_little_mel_is_understood(maya, code, value):
    assert maya(f"mel.eval({code!r})") == value


@pytest.mark.parametrize("code", ["teapot -x", "about -teapot", '"open', "$nobody", "1/0"])
def test_mel_that_is_wrong_raises_and_is_shown(maya, code):
    with pytest.raises(RuntimeError, match="Error occurred during execution of MEL script"):
        maya(f"mel.eval({code!r})")
    assert "// Error: " in maya.sim.control("script_editor")["errors"]


def test_the_user_can_edit_and_the_state_tells_it(maya):
    made = maya.sim.control("scene", op="modify")["made"]
    state = maya.sim.control("state")
    assert made in state["scene"]["nodes"] and state["scene"]["modified"]
    assert os.getpid() != state["pid"]
