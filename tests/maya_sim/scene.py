"""The scene: a few nodes, a selection, a path, and files that can be read back.

Invariant: every change of nodes goes through `undo.step`, so that it can be taken back,
and marks the scene as modified.
"""

import copy
import json
import os
import time
from dataclasses import dataclass, field

from .running import maya

MARK = "// maya_sim: "


@dataclass
class Node:
    type: str
    parent: str = ""
    attrs: dict = field(default_factory=dict)


def _default_nodes():
    nodes = {"time1": Node("time", "", {"outTime": 1.0})}
    for camera in ("persp", "top", "front", "side"):
        nodes[camera] = Node("transform")
        nodes[camera + "Shape"] = Node("camera", camera)
    # 7 is IFF. A playblast looks here for its format, not at the ending of the file's name.
    nodes["defaultRenderGlobals"] = Node("renderGlobals", "", {"imageFormat": 7})
    nodes["initialShadingGroup"] = Node("shadingEngine")
    return nodes


DEFAULTS = tuple(_default_nodes())


class Scene:
    def __init__(self):
        self.clear()

    def clear(self):
        self.nodes = _default_nodes()
        self.selection = []
        self.path = ""
        self.modified = False

    def snapshot(self):
        return copy.deepcopy((self.nodes, self.selection))

    def restore(self, snapshot):
        self.nodes, self.selection = copy.deepcopy(snapshot)

    def find(self, name):
        """The node of this name, path separators aside. Raises as Maya does."""
        short = str(name).rsplit("|", 1)[-1]
        if short not in self.nodes:
            raise ValueError(f"No object matches name: {name}")
        return short

    def free_name(self, wanted):
        """Maya never refuses a name: it counts the number at its end up."""
        if wanted not in self.nodes:
            return wanted
        stem = wanted.rstrip("0123456789")
        number = int(wanted[len(stem) :] or 0) + 1
        while f"{stem}{number}" in self.nodes:
            number += 1
        return f"{stem}{number}"

    def write(self, path):
        kept = {n: [v.type, v.parent, v.attrs] for n, v in self.nodes.items()}
        lines = [f"//Maya ASCII {maya.options.version} scene", f"//Name: {os.path.basename(path)}"]
        lines.append(MARK + json.dumps(kept))
        for name, node in self.nodes.items():
            if name not in DEFAULTS:
                parent = f' -p "{node.parent}"' if node.parent else ""
                lines.append(f'createNode {node.type} -n "{name}"{parent};')
        lines.append("// End of " + os.path.basename(path))
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
        except OSError as error:
            raise RuntimeError(f"Could not save file: {path}: {error.strerror}") from error

    def read(self, path):
        """Fills in what `path` holds. A file of a real Maya gives at least its nodes' names."""
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = file.read().splitlines()
        except OSError as error:
            raise RuntimeError(f"File not found: {path}") from error
        self.clear()
        self.path = path
        for line in lines:
            if line.startswith(MARK):
                kept = json.loads(line[len(MARK) :])
                self.nodes = {n: Node(*value) for n, value in kept.items()}
                return
        for line in lines:
            words = line.replace('"', " ").rstrip(";").split()
            if len(words) >= 4 and words[0] == "createNode" and words[2] == "-n":
                self.nodes[words[3]] = Node(words[1])


def new():
    maya.callbacks.fire_scene("kBeforeNew")
    maya.scene.clear()
    maya.undo.flush()
    maya.callbacks.fire_scene("kSceneUpdate")
    maya.callbacks.fire_scene("kAfterNew")
    maya.callbacks.fire_event("NewSceneOpened")
    maya.callbacks.selection_changed()
    return "untitled"


def open_file(path):
    if not os.path.isfile(path):
        raise RuntimeError(f"File not found: {path}")
    maya.callbacks.fire_scene("kBeforeOpen")
    maya.scene.read(path)
    maya.undo.flush()
    maya.callbacks.fire_scene("kSceneUpdate")
    maya.callbacks.fire_scene("kAfterOpen")
    maya.callbacks.fire_event("SceneOpened")
    maya.callbacks.selection_changed()
    return path


def save():
    if not maya.scene.path:
        raise RuntimeError("No file name specified.")
    maya.callbacks.fire_scene("kBeforeSave")
    maya.scene.write(maya.scene.path)
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
    maya.scene.write(path)
    return path
