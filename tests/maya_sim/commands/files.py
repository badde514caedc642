"""Commands about the scene's file.

Invariant: without `force`, unsaved changes are never thrown away.
"""

import os

from .. import scene as scenes
from ..running import maya
from .registry import command


@command(
    "query=q", "new=new", "open=o", "save=s", "rename=rn:", "force=f", "type=typ:",
    "sceneName=sn", "shortName=shn", "expandName=exn", "modified=mf", "exists=ex",
    "location=loc", "prompt=pmt", "ignoreVersion=iv", "loadReferenceDepth=lrd:", "options=op:",
)  # fmt: skip
def file(*args, **flags):
    if flags.get("query"):
        return _query(args, flags)
    if flags.get("new"):
        _refuse_to_lose(flags)
        return scenes.new()
    if flags.get("open"):
        _refuse_to_lose(flags)
        return scenes.open_file(_path(args))
    if flags.get("rename") is not None:
        return scenes.rename(flags["rename"])
    if flags.get("save"):
        return scenes.save()
    if "modified" in flags:
        maya.scene.modified = bool(flags["modified"])
        return maya.scene.modified
    raise RuntimeError("No flag was given that says what to do with the file.")


def _query(args, flags):
    path = maya.scene.path
    if flags.get("exists"):
        return os.path.isfile(_path(args))
    if flags.get("modified"):
        return maya.scene.modified
    if flags.get("shortName"):
        return os.path.basename(path)
    if flags.get("sceneName"):
        return path
    if flags.get("expandName"):
        return path or os.path.join(os.getcwd(), "untitled")
    if flags.get("location"):
        return path or "unknown"
    if flags.get("type"):
        return ["mayaBinary" if path.endswith(".mb") else "mayaAscii"]
    raise RuntimeError("Must specify a flag to query.")


def _refuse_to_lose(flags):
    if maya.scene.modified and not flags.get("force"):
        raise RuntimeError("Unsaved changes.")


def _path(args):
    if not args:
        raise RuntimeError("No file name specified.")
    return os.path.abspath(os.path.expanduser(str(args[0])))


@command("query=q", "rootDirectory=rd", "directory=dir:", "fullName=fn", "openWorkspace=o")
def workspace(*args, **flags):
    if flags.get("query") and (flags.get("rootDirectory") or flags.get("fullName")):
        return os.getcwd().rstrip("/") + "/"
    if flags.get("query") and "directory" in flags:
        return os.getcwd()
    raise RuntimeError("Only the root directory of the workspace can be asked for.")


@command("userTmpDir=utd", "userScriptDir=usd", "userAppDir=uad", "userPrefDir=upd")
def internalVar(**flags):
    version = maya.options.version
    home = os.environ.get("MAYA_APP_DIR") or os.path.expanduser("~/maya")
    folders = {
        "userTmpDir": maya.options.temp_dir,
        "userScriptDir": f"{home}/{version}/scripts",
        "userAppDir": home,
        "userPrefDir": f"{home}/{version}/prefs",
    }
    asked = next((flag for flag in flags if flags[flag]), None)
    if asked is None:
        raise RuntimeError("No flag was given that says which folder.")
    return folders[asked].rstrip("/") + "/"
