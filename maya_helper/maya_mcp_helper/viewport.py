"""A picture of what the artist sees.

Invariant: whatever happens, the view, the selection, the time, the undo queue, the render settings
and the scene's modified flag are as before, and the picture's file is gone. Each is put back by
itself, and its way back is known before it is changed.
"""

import collections
import importlib
import os
import shutil
import struct
import tempfile

from . import requests
from .methods import Reply
from .requests import RequestError

# format -> (Maya's word for it, its number in the render settings)
FORMATS = {"png": ("png", 32), "jpeg": ("jpg", 8)}
LEAST, MOST = 16, 4096
QUALITY = 90
IMAGE_FORMAT = "defaultRenderGlobals.imageFormat"

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8"

Picture = collections.namedtuple("Picture", "format width height data")


class NoViewport(RequestError):
    """There is nothing to take a picture of."""


class NoSuchCamera(RequestError):
    """There is no such camera."""


def viewport(params):
    """The picture as the Reply's binary part."""
    requests.only(params, ("camera", "format", "width", "height"))
    wanted = requests.text(params, "camera", None)
    kind = requests.choice(params, "format", tuple(FORMATS))
    width = requests.whole(params, "width", LEAST, MOST, None)
    height = requests.whole(params, "height", LEAST, MOST, None)
    commands = importlib.import_module("maya.cmds")
    panel = _panel(commands)
    camera = None if wanted is None else _camera(commands, wanted)
    steps = _Steps()
    try:
        _keep_scene(commands, steps)
        _show(commands, steps, panel, camera)
        picture = _take(commands, steps, kind, width, height)
        shown = _looked_through(commands, panel)
    finally:
        steps.go_back()
    result = {"format": kind, "width": picture.width, "height": picture.height, "camera": shown}
    return Reply(result, picture.data)


class _Steps:
    """The way back, the last step first."""

    def __init__(self):
        self._left = []

    def later(self, function, *args, **flags):
        """To be called on the way back."""
        self._left.append(lambda: function(*args, **flags))

    def go_back(self):
        """All that is left."""
        while self._left:
            try:
                self._left.pop()()
            except Exception:  # The others are put back all the same.
                pass


def _panel(commands):
    """The model panel with the focus, or else the first one to be seen."""
    if commands.about(batch=True):
        raise NoViewport("this Maya runs in batch mode, without any view")
    focused = _or_none(commands.getPanel, withFocus=True)
    visible = _or_none(commands.getPanel, visiblePanels=True) or []
    for panel in ([focused] if focused else []) + list(visible):
        if _or_none(commands.getPanel, typeOf=panel) == "modelPanel":
            return panel
    raise NoViewport("no model view is open in this Maya")


def _camera(commands, name):
    """The transform of the camera of this name, by a name that only it has."""
    found = None
    if not set("*?[") & set(name):
        found = _or_none(commands.ls, name, long=True)
    if not found:
        raise NoSuchCamera(f"there is no camera {name!r} in this scene")
    if len(found) > 1:
        raise NoSuchCamera(
            "{!r} is the name of several nodes; use a full path: {}".format(
                name, ", ".join(found[:10])
            )
        )
    if commands.ls(found[0], type="camera", long=True):
        return _parent(found[0])
    shapes = _or_none(commands.listRelatives, found[0], shapes=True, fullPath=True) or []
    if not any(commands.ls(shape, type="camera") for shape in shapes):
        raise NoSuchCamera(f"{name!r} is not a camera")
    return found[0]


def _parent(path):
    return path.rpartition("|")[0] or path


def _looked_through(commands, panel):
    """The camera's name as the artist knows it: its transform's."""
    shown = _or_none(commands.modelPanel, panel, query=True, camera=True)
    if not shown:
        return None
    path = (_or_none(commands.ls, shown, long=True) or [shown])[0]
    if _or_none(commands.ls, path, type="camera"):
        path = _parent(path)
    return (_or_none(commands.ls, path) or [path])[0]


def _keep_scene(commands, steps):
    """The steps are done in the other order: the modified flag last, once all else is as it was."""
    if _or_none(commands.file, query=True, modified=True) is False:
        steps.later(_put_back_modified, commands)
    if _or_none(commands.undoInfo, query=True, state=True):
        steps.later(commands.undoInfo, stateWithoutFlush=True)
        commands.undoInfo(stateWithoutFlush=False)
    _keep_selection(steps)
    time = commands.currentTime(query=True)
    steps.later(_put_back_time, commands, time)
    image_format = _or_none(commands.getAttr, IMAGE_FORMAT)
    if image_format is not None:
        steps.later(_put_back_image_format, commands, image_format)


def _put_back_modified(commands):
    if commands.file(query=True, modified=True):
        commands.file(modified=False)


def _put_back_time(commands, time):
    if commands.currentTime(query=True) != time:
        commands.currentTime(time, edit=True)


def _put_back_image_format(commands, number):
    if commands.getAttr(IMAGE_FORMAT) != number:
        commands.setAttr(IMAGE_FORMAT, number)


def _keep_selection(steps):
    # By the API: for a hundred thousand nodes no names are written, and there is no undo step.
    api = _or_none(importlib.import_module, "maya.api.OpenMaya")
    before = None if api is None else _or_none(lambda: api.MGlobal.getActiveSelectionList())
    if before is not None:
        steps.later(_put_back_selection, api, before)


def _put_back_selection(api, before):
    now = api.MGlobal.getActiveSelectionList()
    same = now.length() == before.length() and all(
        now.getSelectionStrings(number) == before.getSelectionStrings(number)
        for number in range(min(now.length(), 100))
    )
    if not same:
        api.MGlobal.setActiveSelectionList(before)


def _show(commands, steps, panel, camera):
    focused = _or_none(commands.getPanel, withFocus=True)
    if focused != panel:
        if focused:
            steps.later(commands.setFocus, focused)
        commands.setFocus(panel)  # A playblast is of the view that has it.
    if camera is None:
        return
    shown = commands.modelPanel(panel, query=True, camera=True)
    if _looked_through(commands, panel) != (_or_none(commands.ls, camera) or [camera])[0]:
        steps.later(commands.lookThru, panel, shown)
        commands.lookThru(panel, camera)


def _take(commands, steps, kind, width, height):
    folder = tempfile.mkdtemp(prefix="maya-mcp-")
    steps.later(shutil.rmtree, folder, ignore_errors=True)
    time = commands.currentTime(query=True)  # A playblast may leave another one behind.
    if (width is None) != (height is None):
        own = _playblast(commands, folder, time, kind, None, None)
        width, height = width or own.width, height or own.height
    picture = _playblast(commands, folder, time, kind, width, height)
    if picture.format != kind:  # A Maya that goes by the render settings, whatever it is told.
        commands.setAttr(IMAGE_FORMAT, FORMATS[kind][1])
        picture = _playblast(commands, folder, time, kind, width, height)
    if picture.format != kind:
        raise RuntimeError(f"Maya made no {kind} of its view")
    return picture


def _playblast(commands, folder, time, kind, width, height):
    word, _ = FORMATS[kind]
    path = os.path.join(folder, f"view.{word}")
    size = {} if width is None else {"widthHeight": (width, height)}
    written = commands.playblast(
        frame=[time],
        format="image",
        completeFilename=path,
        compression=word,
        quality=QUALITY,
        percent=100,
        viewer=False,
        offScreen=True,
        showOrnaments=False,
        forceOverwrite=True,
        **size,
    )
    data = _read(path, folder)
    if data is None:
        raise RuntimeError(f"Maya made no picture of its view (playblast gave {written!r})")
    return _measure(data)


def _read(path, folder):
    """The picture, under whatever name in our folder; None when there is none. The file goes."""
    names = [os.path.join(folder, name) for name in os.listdir(folder)]
    found = path if path in names else (names[0] if names else None)
    if found is None:
        return None
    with open(found, "rb") as file:
        data = file.read()
    for name in names:
        os.remove(name)
    return data


def _measure(data):
    """What the picture itself says of its format and size."""
    if data.startswith(PNG) and data[12:16] == b"IHDR":
        return Picture("png", *struct.unpack(">II", data[16:24]), data)
    if data.startswith(JPEG):
        return Picture("jpeg", *_size_of_jpeg(data), data)
    return Picture(None, 0, 0, data)


def _size_of_jpeg(data):
    """(width, height), out of the segment in which the picture itself begins."""
    place = 2
    while place + 9 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker == 0xFF:  # Filling.
            place += 1
            continue
        # SOF0 to SOF15, without the tables DHT, JPG and DAC.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        place += 2 + struct.unpack(">H", data[place + 2 : place + 4])[0]
    raise RuntimeError("Maya made a JPEG that tells no size")


def _or_none(function, *args, **flags):
    try:
        return function(*args, **flags)
    except Exception:
        return None
