"""Commands about the scene's file.

Invariant: without `force`, unsaved changes are never thrown away.
"""

import os

from .. import references
from .. import scene as scenes
from ..running import maya
from .registry import command, names_in

# Queries about one of the scene's references.
ABOUT_REFERENCE = ("referenceNode", "namespace", "deferReference", "unresolvedName")


@command(
    "query=q", "edit=e", "new=new", "open=o", "save=s", "rename=rn:", "force=f", "type=typ:",
    "sceneName=sn", "shortName=shn", "expandName=exn", "modified=mf:", "exists=ex",
    "location=loc", "prompt=pmt:", "ignoreVersion=iv", "loadReferenceDepth=lrd:", "options=op:",
    "reference=r", "namespace=ns:", "deferReference=dr:", "referenceNode=rfn:",
    "loadReference=lr:", "unloadReference=ur:", "removeReference=rr", "returnNewNodes=rnn",
    "groupReference=gr", "mergeNamespacesOnClash=mnc:", "unresolvedName=un",
    "withoutCopyNumber=wcn", "list=l", "anyModified=amf",
)  # fmt: skip
def file(*args, **flags):
    if flags.get("query"):
        return _query(args, flags)
    if "prompt" in flags:
        # Also as a mere setting (`file -prompt false`), and beside an operation: it stays as set.
        maya.prompt = bool(flags["prompt"])
    if flags.get("new"):
        _refuse_to_lose(flags)
        return scenes.new()
    if flags.get("open"):
        _refuse_to_lose(flags)
        return scenes.open_file(_path(args), _depth(flags))
    if "loadReference" in flags:
        return _load_reference(args, flags)
    if "unloadReference" in flags:
        name = references.find(flags["unloadReference"])
        references.unload(name)
        return name
    if flags.get("removeReference"):
        return references.remove(references.find(flags.get("referenceNode") or args[0]))
    if flags.get("reference"):
        return _reference(args, flags)
    if flags.get("rename") is not None:
        return scenes.rename(flags["rename"])
    if flags.get("save"):
        return scenes.save()
    if "modified" in flags:
        maya.scene.modified = bool(flags["modified"])
        return maya.scene.modified
    if "prompt" in flags:
        return None
    raise RuntimeError("No flag was given that says what to do with the file.")


def _query(args, flags):
    path = maya.scene.path
    if flags.get("exists"):
        return os.path.isfile(_path(args))
    if flags.get("prompt"):
        return maya.prompt
    if flags.get("modified") or flags.get("anyModified"):
        return maya.scene.modified
    if args and any(flags.get(flag) for flag in ABOUT_REFERENCE):
        return _query_reference(args[0], flags)
    if flags.get("reference"):
        return _reference_files(flags)
    if flags.get("list"):
        return [path or _untitled(), *_reference_files(flags)]
    if flags.get("shortName"):
        return os.path.basename(path)
    if flags.get("sceneName"):
        return path
    if flags.get("expandName"):
        return path or _untitled()
    if flags.get("location"):
        return path or "unknown"
    if flags.get("type"):
        return ["mayaBinary" if path.endswith(".mb") else "mayaAscii"]
    raise RuntimeError("Must specify a flag to query.")


def _untitled():
    return os.path.join(os.getcwd(), "untitled")


def _reference_files(flags):
    if flags.get("withoutCopyNumber"):
        return [maya.scene.nodes[name].attrs["file"] for name in references.all_nodes()]
    return [references.path_of(name) for name in references.all_nodes()]


def _query_reference(what, flags):
    name = references.find(what)
    attrs = maya.scene.nodes[name].attrs
    if flags.get("referenceNode"):
        return name
    if flags.get("deferReference"):
        return not attrs["loaded"]
    return attrs["namespace"] if flags.get("namespace") else attrs["file"]


def _reference(args, flags):
    path = _path(args)
    name = references.create(path, flags.get("namespace"), not flags.get("deferReference"))
    if name is None:
        return None
    if flags.get("returnNewNodes"):
        return [name, *references.nodes_of(name)]
    return references.path_of(name)


def _load_reference(args, flags):
    name = references.find(flags["loadReference"])
    if args:
        maya.scene.nodes[name].attrs["file"] = _path(args)
    references.load(name)
    return references.path_of(name)


def _depth(flags):
    """None where each reference shall be as it was saved."""
    return {"all": True, "none": False}.get(flags.get("loadReferenceDepth"))


def _refuse_to_lose(flags):
    if maya.scene.modified and not flags.get("force"):
        raise RuntimeError("Unsaved changes.")


def _path(args):
    if not args:
        raise RuntimeError("No file name specified.")
    return os.path.abspath(os.path.expanduser(str(args[0])))


@command(
    "filename=f", "withoutCopyNumber=wcn", "unresolvedName=un", "shortName=shn", "isLoaded=il",
    "referenceNode=rfn", "namespace=ns", "nodes=n", "isNodeReferenced=inr", "isExportEdits=iee",
)  # fmt: skip
def referenceQuery(*args, **flags):
    what = names_in(args)[0]
    if flags.get("isNodeReferenced"):
        return bool(maya.scene.nodes[maya.scene.find(what)].reference)
    name = references.find(what)
    attrs = maya.scene.nodes[name].attrs
    if flags.get("isLoaded"):
        return attrs["loaded"]
    if flags.get("referenceNode"):
        return name
    if flags.get("namespace"):
        return ":" + attrs["namespace"]
    if flags.get("nodes"):
        return references.nodes_of(name) or None
    if flags.get("filename"):
        plain = flags.get("withoutCopyNumber") or flags.get("unresolvedName")
        path = attrs["file"] if plain else references.path_of(name)
        return os.path.basename(path) if flags.get("shortName") else path
    raise RuntimeError("Must specify what to ask of the reference.")


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
