"""What is done with whole scenes: new, open, save, and another name.

Invariant: whoever is asked before (the check messages) can refuse each of them but a rename, forced
or not; whoever is told, is told in Maya's order.
"""

import os
import time

from . import checks, references, scene_file
from .graph import DEFAULTS, Node, Scene  # noqa: F401
from .running import maya


def new():
    if not checks.agreed("kBeforeNewCheck"):
        return None
    maya.callbacks.fire_scene("kBeforeNew")
    _clear()
    maya.callbacks.fire_scene("kSceneUpdate")
    maya.callbacks.fire_scene("kAfterNew")
    maya.callbacks.fire_event("NewSceneOpened")
    maya.callbacks.selection_changed()
    return "untitled"


def open_file(path, load_references=None):
    """Opens `path`. A missing reference raises, but only when all the rest is open."""
    if not os.path.isfile(path):
        raise RuntimeError(f"File not found: {path}")
    if not checks.agreed("kBeforeOpenCheck", path):
        return None
    maya.callbacks.fire_scene("kBeforeOpen")
    _clear()
    scene = maya.scene
    scene.path = path
    maya.callbacks.fire_scene("kBeforeFileRead")
    found, scene.unknown_plugins = scene_file.read(path)
    scene.nodes.update(found)
    for plugin in scene.unknown_plugins:
        maya.script_editor.show(
            "error", f'// Error: Plug-in, "{plugin}", was not found on MAYA_PLUG_IN_PATH. //\n'
        )
    lost = {node.lost_type for node in found.values() if node.lost_type}
    for kind in sorted(lost):
        maya.script_editor.show(
            "warning",
            f"// Warning: Unrecognized node type '{kind}'; preserving node information during "
            "this session. //\n",
        )
    trouble = references.load_all(load_references)
    maya.undo.flush()
    scene.modified = False
    maya.callbacks.fire_scene("kAfterFileRead")
    maya.callbacks.fire_scene("kSceneUpdate")
    maya.callbacks.fire_scene("kAfterOpen")
    maya.callbacks.fire_event("SceneOpened")
    maya.callbacks.selection_changed()
    if trouble:
        raise RuntimeError(trouble)
    return path


def save():
    if not maya.scene.path:
        raise RuntimeError("No file name specified.")
    if not checks.agreed("kBeforeSaveCheck", maya.scene.path):
        return None
    maya.callbacks.fire_scene("kBeforeSave")
    scene_file.write(maya.scene.path)
    maya.scene.modified = False
    maya.callbacks.fire_scene("kAfterSave")
    maya.callbacks.fire_event("SceneSaved")
    return maya.scene.path


def rename(path):
    """Gives the scene another name. Maya tells nobody of that: no scene message exists for it."""
    maya.scene.path = os.path.abspath(path) if path else ""
    return path


def write_recovered():
    """What Maya's crash handler leaves in its temporary folder; gives back the path."""
    base = os.path.basename(maya.scene.path) or "untitled.ma"
    stem = os.path.splitext(base)[0]
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or "user"
    date = time.strftime("%Y%m%d.%H%M")
    path = os.path.join(maya.options.temp_dir, f"{stem}[Recovered-{user}.{date}].ma")
    scene_file.write(path)
    return path


def _clear():
    maya.scene.clear()
    maya.undo.flush()
