"""Panels, cameras, and pictures of what is seen through them."""

import struct

import pytest

from conftest import evaluator
from maya_sim.pictures import camera_colour, picture

SHOOT = "cmds.playblast(frame=1, format='image', viewer=False, compression='png', {})"


@pytest.fixture
def shoot(maya, folder):
    """Takes a picture; gives its bytes."""

    def shoot(more="percent=100"):
        path = f"{folder}/view.png"
        maya(SHOOT.format(f"completeFilename={path!r}, forceOverwrite=True, {more}"))
        with open(path, "rb") as file:
            return file.read()

    return shoot


def test_the_focus_is_where_the_artist_typed(maya):
    assert maya("cmds.getPanel(withFocus=True)") == "scriptEditorPanel1"
    assert maya("cmds.getPanel(typeOf='scriptEditorPanel1')") == "scriptedPanel"
    assert maya("cmds.getPanel(typeOf='nobody')") == ""
    assert maya("'modelPanel4' in cmds.getPanel(visiblePanels=True)") is True
    assert maya("cmds.modelEditor('modelPanel4', q=True, activeView=True)") is True


def test_modelpanel_and_modeleditor_name_the_camera_differently(maya):
    assert maya("cmds.modelPanel('modelPanel4', q=True, camera=True)") == "persp"
    assert maya("cmds.modelEditor('modelPanel4', q=True, camera=True)") == "|persp"
    maya("cmds.lookThru('modelPanel4', 'topShape')")
    assert maya("cmds.modelPanel('modelPanel4', q=True, camera=True)") == "topShape", (
        "as it was told"
    )
    maya("cmds.undo()")
    assert maya("cmds.lookThru(q=True)") == "persp", "it is a step of the undo queue"
    with pytest.raises(RuntimeError, match="is not a camera"):
        maya("cmds.lookThru('modelPanel4', 'initialShadingGroup')")


def test_a_panel_keeps_its_camera_through_a_rename_and_loses_it_with_it(maya):
    maya("cmds.lookThru('modelPanel4', cmds.camera()[0])")
    maya("cmds.rename('camera1', 'shotCam')")
    assert maya("cmds.modelPanel('modelPanel4', q=True, camera=True)") == "shotCam"
    maya("cmds.delete('shotCam')")
    assert maya("cmds.modelPanel('modelPanel4', q=True, camera=True)") == "persp"


def test_a_picture_shows_the_camera_of_the_view_that_had_the_focus_last(maya, shoot):
    assert shoot() == picture("png", 960, 540, camera_colour("persp"))
    maya("cmds.setFocus('modelPanel2'), cmds.setFocus('outlinerPanel1')")
    assert shoot() == picture("png", 960, 540, camera_colour("front"))
    assert shoot("percent=100, editorPanelName='modelPanel4'") == picture(
        "png", 960, 540, camera_colour("persp")
    )


def test_a_picture_shows_the_highlight_unless_it_is_off(maya, shoot):
    maya("cmds.polyCube()")
    assert shoot() == picture("png", 960, 540, camera_colour("persp"), highlighted=True)
    maya("cmds.modelEditor('modelPanel4', e=True, selectionHiliteDisplay=False)")
    assert shoot() == picture("png", 960, 540, camera_colour("persp"))


@pytest.mark.parametrize(
    ("flags", "size"),
    [
        ("", (480, 268)),
        ("percent=100", (960, 540)),
        ("widthHeight=(333, 333), percent=100, offScreen=True", (332, 332)),
        ("widthHeight=(4000, 4000), percent=100", (960, 540)),
        ("widthHeight=(4000, 4000), percent=100, offScreen=True", (4000, 4000)),
        ("width=100, height=1, percent=1, offScreen=True", (8, 4)),
    ],
)
def test_sizes_are_clamped_and_rounded(shoot, flags, size):
    assert struct.unpack(">II", shoot(flags)[16:24]) == size


def test_a_picture_leaves_everything_as_it_was(maya, shoot):
    before = maya.sim.control("state")
    shoot()
    after = maya.sim.control("state")
    for key in ("scene", "undo", "redo"):
        assert after[key] == before[key], key
    view = maya.sim.control("view")
    assert view["focus"] == "scriptEditorPanel1" and view["viewers"] == 0


def test_the_render_settings_rule_where_no_compression_is_given(maya, folder):
    maya("cmds.setAttr('defaultRenderGlobals.imageFormat', 8)")
    maya(f"cmds.playblast(frame=1, format='image', completeFilename='{folder}/a.png')")
    with open(f"{folder}/a.png", "rb") as file:
        assert file.read(3) == b"\xff\xd8\xff"
    assert maya.sim.control("view")["viewers"] == 1, "unless told, it opens a viewer"


def test_without_a_frame_it_is_the_whole_range(maya, folder):
    maya("cmds.playbackOptions(minTime=1, maxTime=3)")
    pattern = maya(f"cmds.playblast(format='image', compression='png', filename='{folder}/b')")
    assert pattern == f"{folder}/b.####.png"
    with open(f"{folder}/b.0003.png", "rb") as file:
        assert file.read(4) == b"\x89PNG"


def test_an_existing_file_is_asked_about(maya, folder):
    maya.sim.control("dialog", answers=["cancel"])
    code = SHOOT.format(f"completeFilename='{folder}/c.png'")
    maya(code)
    with pytest.raises(RuntimeError, match="cancelled"):
        maya(code)


def test_no_view_no_picture(maya):
    maya.sim.control("view", visible=["outlinerPanel1"])
    with pytest.raises(RuntimeError, match="No active model view"):
        maya(SHOOT.format("percent=100"))


def test_a_batch_maya_has_no_view(start):
    maya = evaluator(start("--batch"))
    assert maya("cmds.getPanel(visiblePanels=True)") is None
    assert maya("cmds.getPanel(withFocus=True)") == ""
    with pytest.raises(RuntimeError, match="playblast needs a window"):
        maya(SHOOT.format("percent=100"))


def test_a_jpeg_shows_its_colours(start, folder):
    maya = evaluator(start("--default-port", "off", qt=True))
    path = f"{folder}/view.jpg"
    maya(
        "cmds.polyCube(), cmds.playblast(frame=1, format='image', compression='jpg', percent=100, "
        f"completeFilename={path!r}, viewer=False)"
    )
    maya(f"from PySide6.QtGui import QImage\nimage = QImage({path!r})")
    assert maya("(image.width(), image.height())") == "(960, 540)"
    for x, colour in ((8, camera_colour("persp")), (950, (67, 255, 163))):
        seen = maya(f"list(image.pixelColor({x}, 270).getRgb()[:3])")
        assert all(abs(a - b) <= 2 for a, b in zip(eval(seen), colour, strict=True)), (seen, colour)
