"""File references: a reference node, and the nodes of another file under a namespace.

Invariant: a reference whose file is missing stays in the scene, not loaded. A Maya that may prompt
asks the artist first, in a window that holds the main thread.
"""

import os

from . import checks, scene_file
from .graph import DEFAULTS, Node
from .running import maya

MISSING_TITLE = "Missing Reference File"
BUTTONS = ["Browse...", "Skip", "Skip All"]


def all_nodes():
    """The reference nodes that stand for a file. Maya has others: sharedReferenceNode does not."""
    return [
        name
        for name, node in maya.scene.nodes.items()
        if node.type == "reference" and "file" in node.attrs and not node.reference
    ]


def path_of(name):
    """Its file as Maya names it: the second reference to the same file ends in {1}."""
    path = maya.scene.nodes[name].attrs["file"]
    before = all_nodes()[: all_nodes().index(name)]
    number = sum(maya.scene.nodes[other].attrs["file"] == path for other in before)
    return f"{path}{{{number}}}" if number else path


def nodes_of(name):
    """The nodes that came with it; none while it is not loaded."""
    return [n for n, node in maya.scene.nodes.items() if node.reference == name]


def find(what):
    """The reference node of this name, of this file, or with this node in it."""
    nodes = maya.scene.nodes
    node = nodes.get(str(what).rsplit("|", 1)[-1])
    if node is not None and node.type == "reference":
        if "file" not in node.attrs:
            raise RuntimeError(f"Reference node '{what}' is not associated with a reference file.")
        return str(what)
    if node is not None:
        if not node.reference:
            raise RuntimeError(f"Object '{what}' is not from a referenced file.")
        return node.reference
    for name in all_nodes():
        if path_of(name) == what:
            return name
    raise RuntimeError(f"No reference or referenced object matches name: {what}")


def create(path, namespace, load):
    """Makes a reference to `path`; gives back the name of its node."""
    if not checks.agreed("kBeforeReferenceCheck", path):
        return None
    if not os.path.isfile(path):
        _ask(path)
        raise RuntimeError(f"File not found: {path}")
    scene = maya.scene
    for message in ("kBeforeReference", "kBeforeCreateReference"):
        maya.callbacks.fire_scene(message)
    namespace = _free_namespace(namespace or os.path.splitext(os.path.basename(path))[0])
    name = scene.free_name(namespace + "RN")
    scene.nodes.setdefault("sharedReferenceNode", Node("reference"))
    scene.nodes[name] = Node("reference", "", {"file": path, "namespace": namespace})
    scene.nodes[name].attrs["loaded"] = False
    scene.modified = True
    if load:
        _load(name)
    maya.undo.flush()
    for message in ("kSceneUpdate", "kAfterCreateReference", "kAfterReference"):
        maya.callbacks.fire_scene(message)
    return name


def load(name):
    if not checks.agreed("kBeforeLoadReferenceCheck", maya.scene.nodes[name].attrs["file"]):
        return
    maya.callbacks.fire_scene("kBeforeLoadReference")
    unload(name)
    trouble = _load(name)
    maya.callbacks.fire_scene("kAfterLoadReference")
    if trouble:
        raise RuntimeError(trouble)


def unload(name):
    nodes = maya.scene.nodes
    for gone in nodes_of(name):
        del nodes[gone]
    maya.scene.selection = [n for n in maya.scene.selection if n in nodes]
    nodes[name].attrs["loaded"] = False
    maya.scene.modified = True
    maya.undo.flush()


def remove(name):
    unload(name)
    del maya.scene.nodes[name]


def load_all(which):
    """Loads what the scene that was just read refers to; gives back what Maya says went wrong."""
    troubles, asked = [], True
    for name in all_nodes():
        wanted = maya.scene.nodes[name].attrs["loaded"] if which is None else which
        maya.scene.nodes[name].attrs["loaded"] = False
        if not wanted:
            continue
        path = maya.scene.nodes[name].attrs["file"]
        if not os.path.isfile(path):
            asked = asked and _ask(path) != "Skip All"
            troubles.append(f"Reference file not found.: {path}")
            maya.script_editor.show("error", f"// Error: {troubles[-1]} //\n")
            continue
        _load(name)
    return troubles[0] if troubles else None


def _load(name):
    """Brings the nodes of the file in. Those that every scene has stay out, as Maya leaves them."""
    reference = maya.scene.nodes[name]
    path, namespace = reference.attrs["file"], reference.attrs["namespace"]
    if not os.path.isfile(path):
        _ask(path)
        return f"Reference file not found.: {path}"
    found, plugins = scene_file.read(path)
    maya.scene.unknown_plugins.update(plugins)
    for old, node in found.items():
        if old not in DEFAULTS:
            node.parent = f"{namespace}:{node.parent}" if node.parent else ""
            node.reference = name
            maya.scene.nodes[f"{namespace}:{old}"] = node
    reference.attrs["loaded"] = True
    return None


def _free_namespace(wanted):
    taken = {maya.scene.nodes[name].attrs["namespace"] for name in all_nodes()}
    number, name = 0, wanted
    while name in taken:
        number += 1
        name = f"{wanted}{number}"
    return name


def _ask(path):
    """What the artist says to a file that is not there. Without prompting nobody is asked."""
    if maya.options.batch or not maya.prompt:
        return "Skip"
    text = f"Reference file not found: {path}"
    return maya.dialogs.ask(MISSING_TITLE, text, BUTTONS, "Skip", "Skip")
