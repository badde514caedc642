"""A picture of the view, and a Maya that is afterwards as it was before."""

import os
import struct
import types

import pytest

from method_calls import load, put_maya, stand_in

PERSP, SHOT = "|persp", "|group1|shot"
CAMERAS = {"persp": PERSP, "shot": SHOT}


def png(width, height):
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", width, height) + b"\0" * 9


def jpeg(width, height):
    """A thumbnail's segment before it: what is in there is not the picture's size."""
    thumbnail = b"\xff\xe1" + struct.pack(">H", 12) + b"\xff\xc0\0\x11\x08\0\x08\0\x08\x03"
    tables = b"\xff\xc4" + struct.pack(">H", 4) + b"\0\0"
    frame = b"\xff\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\0" * 9
    return b"\xff\xd8" + thumbnail + tables + frame + b"\xff\xd9"


def iff(width, height):
    return b"FOR4" + bytes(60)


MAKERS = {"png": png, "jpg": jpeg, "iff": iff}


class Maya:
    """One that does what a view's picture is known to do to a scene, and a little more."""

    def __init__(self):
        self.batch = False
        self.focus = "outlinerPanel1"
        self.panels = {
            "outlinerPanel1": "outlinerPanel",
            "modelPanel4": "modelPanel",
            "modelPanel1": "modelPanel",
        }
        self.visible = ["outlinerPanel1", "modelPanel4"]
        self.through = {"modelPanel4": "persp", "modelPanel1": "persp"}
        self.selected = ["a", "b"]
        self.time = 7.0
        self.image_format = 7
        self.modified = False
        self.undo = True
        self.obeys = True  # The compression that playblast is told.
        self.fails = ()
        self.blasts = []
        self.folders = []

    def state(self):
        return {
            name: getattr(self, name)
            for name in ("focus", "selected", "time", "image_format", "modified", "undo")
        }, dict(self.through)

    def _may_fail(self, name):
        if name in self.fails:
            raise RuntimeError(f"{name} failed")

    def about(self, batch):
        return self.batch

    def getPanel(self, withFocus=False, visiblePanels=False, typeOf=None):
        if typeOf:
            return self.panels[typeOf]
        return self.focus if withFocus else self.visible

    def setFocus(self, panel):
        self._may_fail("setFocus")
        self.focus = panel

    def modelPanel(self, panel, query, camera):
        return self.through[panel]

    def lookThru(self, panel, camera):
        self._may_fail("lookThru")
        self.through[panel] = camera.rpartition("|")[2]
        self.modified = True

    def ls(self, name, long=False, type=None):  # noqa: A002
        assert "*" not in name
        if name == "twin":
            return ["|a|twin", "|b|twin"]
        short = name.rpartition("|")[2]
        transform = short[: -len("Shape")] if short.endswith("Shape") else short
        if type == "camera":
            return [name] if short.endswith("Shape") and transform in CAMERAS else []
        if transform not in CAMERAS:
            return ["|pCube1"] if name == "pCube1" else []
        path = CAMERAS[transform] + ("|" + short if short != transform else "")
        return [path if long else short]

    def listRelatives(self, path, shapes, fullPath):
        return [f"{path}|{path.rpartition('|')[2]}Shape"]

    def file(self, query=False, modified=None):
        if query:
            return self.modified
        self._may_fail("file")
        self.modified = modified
        return None

    def undoInfo(self, query=False, state=None, stateWithoutFlush=None):
        if query:
            return self.undo
        self.undo = stateWithoutFlush
        return None

    def currentTime(self, *time, query=False, edit=False):
        if query:
            return self.time
        self._may_fail("currentTime")
        (self.time,) = time
        return None

    def getAttr(self, plug):
        assert plug == "defaultRenderGlobals.imageFormat"
        return self.image_format

    def setAttr(self, plug, number):
        assert self.undo is False, "no undo step of ours"
        self.image_format = number

    def playblast(self, completeFilename, frame, widthHeight=(640, 360), **flags):
        assert flags["format"] == "image"
        assert flags["viewer"] is False
        assert flags["offScreen"] is True
        assert flags["percent"] == 100
        assert frame == [7.0]
        assert self.undo is False
        assert self.panels[self.focus] == "modelPanel"
        self.blasts.append((self.through[self.focus], widthHeight))
        self.folders.append(os.path.dirname(completeFilename))
        self.time, self.modified, self.selected = 8.0, True, []
        self._may_fail("playblast")
        by_settings = {7: "iff", 8: "jpg", 32: "png"}[self.image_format]
        kind = flags["compression"] if self.obeys else by_settings
        with open(completeFilename, "wb") as file:
            file.write(MAKERS[kind](*widthHeight))
        return completeFilename

    def getActiveSelectionList(self):
        names = list(self.selected)
        return types.SimpleNamespace(
            names=names, length=lambda: len(names), getSelectionStrings=lambda at: (names[at],)
        )

    def setActiveSelectionList(self, selection):
        self.selected = selection.names


@pytest.fixture
def maya(monkeypatch):
    maya = Maya()
    put_maya(monkeypatch, maya, {"MGlobal": maya})
    return maya


@pytest.fixture
def viewport(monkeypatch, maya):
    """Takes a picture; whatever comes of it, Maya is as before and no file is left."""
    module = load(monkeypatch, "viewport")

    def take(**params):
        before = maya.state()
        try:
            return module.viewport(params)
        finally:
            if not maya.fails:
                assert maya.state() == before
            assert not [folder for folder in maya.folders if os.path.exists(folder)]

    take.module = module
    return take


def refusal(viewport, **params):
    with pytest.raises(viewport.module.RequestError) as raised:
        viewport(**params)
    return type(raised.value).__name__, str(raised.value)


def test_a_picture_of_what_the_artist_looks_through(viewport, maya):
    reply = viewport()
    assert reply.result == {"format": "png", "width": 640, "height": 360, "camera": "persp"}
    assert reply.binary == png(640, 360)


def test_the_panel_with_the_focus_is_taken_if_it_shows_the_scene(viewport, maya):
    maya.focus = "modelPanel1"
    maya.through["modelPanel1"] = "shot"
    assert viewport().result["camera"] == "shot"


@pytest.mark.parametrize("name", ["shot", "shotShape", SHOT, SHOT + "|shotShape"])
def test_another_camera_is_looked_through_for_the_picture_only(viewport, maya, name):
    assert viewport(camera=name).result["camera"] == "shot"
    assert maya.blasts == [("shot", (640, 360))]


def test_the_size_is_the_pictures_own(viewport, maya):
    told = viewport(format="jpeg", width=320, height=200)
    assert told.result == {"format": "jpeg", "width": 320, "height": 200, "camera": "persp"}
    assert told.binary.startswith(b"\xff\xd8")


def test_one_side_alone_leaves_the_other_to_the_view(viewport, maya):
    told = viewport(width=320).result
    assert (told["width"], told["height"]) == (320, 360)
    told = viewport(height=200).result
    assert (told["width"], told["height"]) == (640, 200)


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_a_maya_that_goes_by_the_render_settings_gives_the_format_too(viewport, maya, kind):
    maya.obeys = False
    assert viewport(format=kind).result["format"] == kind
    assert maya.image_format == 7


def test_there_is_no_viewport_in_batch_and_where_none_is_open(viewport, maya):
    maya.visible = ["outlinerPanel1"]
    assert refusal(viewport)[0] == "NoViewport"
    maya.visible = None
    assert refusal(viewport)[0] == "NoViewport"
    maya.batch = True
    assert refusal(viewport)[0] == "NoViewport"


@pytest.mark.parametrize("name", ["gone", "", "pCube1", "persp*", "twin", "[x"])
def test_a_name_of_no_camera_is_told(viewport, maya, name):
    kind, message = refusal(viewport, camera=name)
    assert kind == "NoSuchCamera"
    assert repr(name) in message
    assert maya.blasts == []


@pytest.mark.parametrize("undo", [True, False])
@pytest.mark.parametrize("modified", [True, False])
def test_undo_and_the_modified_flag_stay_as_they_were(viewport, maya, undo, modified):
    maya.modified = modified
    if undo:
        viewport(camera="shot")
        return
    maya.undo = False
    viewport(camera="shot")
    assert maya.undo is False


def test_an_error_of_mayas_leaves_everything_as_it_was(viewport, maya):
    before = maya.state()
    maya.fails = ("playblast",)
    with pytest.raises(RuntimeError, match="playblast failed"):
        viewport(camera="shot")
    assert maya.state() == before


@pytest.mark.parametrize("failing", ["setFocus", "currentTime", "file"])
def test_a_step_back_that_fails_does_not_keep_the_others(viewport, maya, failing, monkeypatch):
    before = maya.state()
    original = maya._may_fail
    maya.fails = (failing,)
    # It fails on the way back only.
    monkeypatch.setattr(maya, "_may_fail", lambda name: maya.blasts and original(name))
    viewport(camera="shot")
    after = maya.state()
    lost = {"setFocus": "focus", "currentTime": "time", "file": "modified"}[failing]
    del before[0][lost], after[0][lost]
    assert after == before


def test_a_playblast_that_was_broken_off_is_an_error(viewport, maya, monkeypatch):
    import maya.cmds as commands

    def nothing(completeFilename, **flags):
        maya.folders.append(os.path.dirname(completeFilename))

    monkeypatch.setattr(commands, "playblast", nothing)
    with pytest.raises(RuntimeError, match="no picture"):
        viewport()


@pytest.mark.parametrize(
    "params",
    [{"width": 15}, {"height": 4097}, {"width": "640"}, {"width": True}, {"format": "gif"},
     {"camera": 1}, {"panel": "modelPanel4"}],
)  # fmt: skip
def test_parameters_of_another_form_are_the_engines_fault(viewport, params):
    assert refusal(viewport, **params)[0] == "BadParams"


STATE = (
    "repr((cmds.getPanel(withFocus=True), cmds.modelPanel('modelPanel4', q=True, camera=True),"
    " cmds.ls(sl=True), cmds.currentTime(q=True), cmds.file(q=True, modified=True),"
    " cmds.undoInfo(q=True, undoName=True), cmds.undoInfo(q=True, state=True),"
    " cmds.getAttr('defaultRenderGlobals.imageFormat')))"
)


def test_in_the_stand_in_everything_stays_as_it_was():
    with stand_in("--no-qt") as run:
        run("cmds.polyCube(); cmds.camera()")
        run("cmds.setFocus('modelPanel4')")
        run("from maya_mcp_helper import viewport")
        before = run(STATE)
        for params, size in (({}, None), ({"camera": "top", "width": 320, "height": 200}, 320)):
            told = run(f"viewport.viewport({params!r}).result")
            assert "'format': 'png'" in told
            assert size is None or f"'width': {size}" in told
            assert run(STATE) == before
        assert "'camera': 'top'" in told
        assert run.sim.control("script_editor")["errors"] == ""


def test_the_stand_in_has_no_viewport_in_batch():
    with stand_in("--batch") as run:
        run("from maya_mcp_helper import viewport")
        with pytest.raises(RuntimeError, match="NoViewport"):
            run("viewport.viewport({})")
