"""The command `playblast`: it writes real pictures of what the active view looks through.

Invariant: the format follows `compression`, else defaultRenderGlobals.imageFormat; never the ending
of the file's name. Nothing but the files is other than before.
"""

import os

from .. import pictures
from ..running import maya
from ..view import SIZE
from .registry import command

FORMATS = {7: "iff", 8: "jpg", 32: "png"}
OVERWRITE = ["OK", "Cancel"]


@command(
    "frame=fr:", "format=fmt:", "completeFilename=cf:", "filename=f:", "width=w:", "height=h:",
    "widthHeight=wh:", "percent=p:", "compression=c:", "viewer=v:", "showOrnaments=orn:",
    "offScreen=os", "quality=qlt:", "clearCache=cc:", "startTime=st:", "endTime=et:",
    "forceOverwrite=fo", "rawFrameNumbers=rfn", "framePadding=fp:", "offScreenViewportUpdate=osv",
    "editorPanelName=epn:", "activeEditor=ae", "sequenceTime=sqt:", "indexFromZero=ifz",
    "throwOnError=toe",
)  # fmt: skip
def playblast(*args, **flags):
    if maya.options.batch:
        raise RuntimeError("playblast needs a window: it is not available in batch mode.")
    panel = _panel(flags)
    if flags.get("activeEditor"):
        return f"MayaWindow|mainPane|viewPanes|{panel.name}|{panel.name}|{panel.name}"
    if flags.get("format", "image") not in ("image", "iff"):
        raise RuntimeError(f"The stand-in makes no playblast of format {flags['format']!r}.")
    kind = flags.get("compression") or _render_format()
    if kind not in ("iff", "jpg", "png"):
        raise RuntimeError(f"Unknown compression {kind!r}.")

    data = _picture(panel, kind, flags)
    complete = flags.get("completeFilename")
    name = flags.get("filename") or (args[0] if args else None)
    if complete:
        paths, answer = [complete], complete
    else:
        stem = name or os.path.join(maya.options.temp_dir, "blast")
        padding = int(flags.get("framePadding", 4))
        paths = [f"{stem}.{int(frame):0{padding}d}.{kind}" for frame in _frames(flags)]
        answer = f"{stem}.{'#' * padding}.{kind}"
    if (complete or name) and not flags.get("forceOverwrite"):
        _ask_to_overwrite(paths)
    for path in paths:
        _write(path, data)
    if flags.get("viewer", True):
        maya.view.viewers += 1
    return answer


def _panel(flags):
    if flags.get("editorPanelName"):
        return maya.view.find(flags["editorPanelName"])
    if maya.view.active is None:
        raise RuntimeError("No active model view, please make a model view active and retry.")
    return maya.view.active


def _frames(flags):
    """Without any it is the whole playback range."""
    frames = flags.get("frame")
    if frames is not None:
        return frames if isinstance(frames, (list, tuple)) else [frames]
    first = int(flags.get("startTime", maya.playback["minTime"]))
    return range(first, int(flags.get("endTime", maya.playback["maxTime"])) + 1)


def _picture(panel, kind, flags):
    colour = pictures.camera_colour(panel.camera_transform)
    highlighted = bool(maya.scene.selection) and panel.settings["selectionHiliteDisplay"]
    return pictures.picture(kind, *_size(flags), colour, highlighted)


def _size(flags):
    """Clamped to the view unless off screen, then the percentage, then down to a multiple of 4."""
    width, height = flags.get("widthHeight") or (flags.get("width", 0), flags.get("height", 0))
    percent = min(100, max(10, int(flags.get("percent", 50))))
    sizes = []
    for given, own in zip((width, height), SIZE, strict=True):
        wanted = int(given) or own
        if not flags.get("offScreen"):
            wanted = min(wanted, own)
        sizes.append(max(4, wanted * percent // 100 // 4 * 4))
    return sizes


def _render_format():
    return FORMATS.get(maya.scene.nodes["defaultRenderGlobals"].attrs["imageFormat"], "iff")


def _ask_to_overwrite(paths):
    there = next((path for path in paths if os.path.exists(path)), None)
    if there is None:
        return
    text = f"{there} already exists. Overwrite?"
    if maya.dialogs.ask("Playblast", text, OVERWRITE, "OK", "Cancel") == "Cancel":
        raise RuntimeError("Playblast was cancelled.")


def _write(path, data):
    try:
        with open(path, "wb") as file:
            file.write(data)
    except OSError as error:
        raise RuntimeError(f"Unable to write {path}: {error.strerror}") from error
