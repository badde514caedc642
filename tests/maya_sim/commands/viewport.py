"""The command `playblast`: it writes a real picture of nothing in particular.

Invariant: the format follows `compression`, else defaultRenderGlobals.imageFormat; never the ending
of the file's name.
"""

import os

from .. import pictures
from ..running import maya
from .registry import command

FORMATS = {7: "iff", 8: "jpg", 32: "png"}


@command(
    "frame=fr:", "format=fmt:", "completeFilename=cf:", "filename=f:", "width=w:", "height=h:",
    "widthHeight=wh:", "percent=p:", "compression=c:", "viewer=v:", "showOrnaments=orn:",
    "offScreen=os", "quality=qlt:", "clearCache=cc:", "startTime=st:", "endTime=et:",
    "forceOverwrite=fo", "rawFrameNumbers=rfn", "framePadding=fp:", "offScreenViewportUpdate=osv",
)  # fmt: skip
def playblast(**flags):
    if flags.get("format", "image") != "image":
        raise RuntimeError(f"The stand-in makes no playblast of format {flags['format']!r}.")
    width, height = flags.get("widthHeight") or (flags.get("width", 0), flags.get("height", 0))
    scale = float(flags.get("percent", 50)) / 100
    size = [max(1, int((given or usual) * scale)) for given, usual in ((width, 960), (height, 540))]
    kind = flags.get("compression") or _render_format()
    if kind not in ("iff", "jpg", "png"):
        raise RuntimeError(f"Unknown compression {kind!r}.")

    frames = flags.get("frame")
    if frames is None:
        frames = [maya.scene.nodes["time1"].attrs["outTime"]]
    frames = list(frames) if isinstance(frames, (list, tuple)) else [frames]
    complete = flags.get("completeFilename")
    if complete:
        _write(complete, kind, size)
        return complete
    stem = flags.get("filename") or os.path.join(maya.options.temp_dir, "blast")
    padding = int(flags.get("framePadding", 4))
    for frame in frames:
        _write(f"{stem}.{int(frame):0{padding}d}.{kind}", kind, size)
    return f"{stem}.{'#' * padding}.{kind}"


def _render_format():
    return FORMATS.get(maya.scene.nodes["defaultRenderGlobals"].attrs["imageFormat"], "iff")


def _write(path, kind, size):
    try:
        with open(path, "wb") as file:
            file.write(pictures.picture(kind, *size))
    except OSError as error:
        raise RuntimeError(f"Unable to write {path}: {error.strerror}") from error
