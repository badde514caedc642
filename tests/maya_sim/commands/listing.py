"""Commands that find nodes, and the selection.

Invariant: where Maya answers None for "nothing" these do too; `ls` is the one that gives a list.
"""

import fnmatch

from .. import node_types
from ..graph import DEFAULTS
from ..running import maya
from .attributes import SHORT_ATTRIBUTES
from .registry import command, names_in


@command(
    "selection=sl", "type=typ:", "exactType=et:", "excludeType=ext:", "long=l", "transforms=tr",
    "shapes=s", "dag=dag", "cameras=ca", "lights=lt", "geometry=g", "references=rf", "head=hd:",
    "dependencyNodes=dep", "recursive=r",
)  # fmt: skip
def ls(*args, **flags):
    nodes = maya.scene.nodes
    found = list(maya.scene.selection) if flags.get("selection") else list(nodes)
    patterns = [str(p).rsplit("|", 1)[-1] for p in names_in(args)]
    if patterns:
        found = [n for n in found if any(fnmatch.fnmatchcase(n, p) for p in patterns)]
    wanted = _types(flags)
    if wanted:
        found = [n for n in found if not wanted.isdisjoint(node_types.ANCESTORS[nodes[n].type])]
    if flags.get("exactType"):
        exact = set(names_in([flags["exactType"]]))
        found = [n for n in found if nodes[n].type in exact]
    if flags.get("shapes"):
        found = [n for n in found if node_types.is_shape(nodes[n].type)]
    if flags.get("dag"):
        found = [n for n in found if node_types.is_dag(nodes[n].type)]
    if not flags.get("selection"):
        # Sorted, as Maya lists them; a selection keeps its order.
        found.sort()
    if flags.get("head"):
        found = found[: int(flags["head"])]
    return [maya.scene.long_name(n) for n in found] if flags.get("long") else found


def _types(flags):
    types = set(names_in([flags["type"]])) if flags.get("type") else set()
    for name in types:
        _require_type(name)
    kinds = {
        "transforms": "transform", "cameras": "camera", "lights": "light",
        "references": "reference", "geometry": "deformableShape",
    }  # fmt: skip
    return types | {kind for flag, kind in kinds.items() if flags.get(flag)}


def _require_type(name):
    if not node_types.known(name):
        raise RuntimeError(f"Unknown object type: {name}")


@command(
    "shapes=s", "parent=p", "allParents=ap", "fullPath=f", "path=pa", "children=c",
    "allDescendents=ad", "type=typ:", "noIntermediate=ni",
)  # fmt: skip
def listRelatives(*args, **flags):
    scene = maya.scene
    names = [scene.find(name) for name in names_in(args)] or list(scene.selection)
    found = []
    for name in names:
        found += [n for n in _relatives(name, flags) if n not in found]
    if flags.get("type"):
        types = set(names_in([flags["type"]]))
        found = [
            n for n in found if not types.isdisjoint(node_types.ANCESTORS[scene.nodes[n].type])
        ]
    if flags.get("fullPath"):
        found = [scene.long_name(n) for n in found]
    return found or None


def _relatives(name, flags):
    scene = maya.scene
    if flags.get("parent") or flags.get("allParents"):
        # The parent of a shape is its transform; a transform below the world has none.
        return [scene.nodes[name].parent] if scene.nodes[name].parent else []
    if flags.get("allDescendents"):
        return sorted(scene.below([name]) - {name})
    children = scene.children(name)
    if flags.get("shapes"):
        children = [n for n in children if node_types.is_shape(scene.nodes[n].type)]
    return children


@command("perspective=p", "orthographic=o")
def listCameras(**flags):
    """The transforms of the cameras; `-perspective` and `-orthographic` leave the others out."""
    nodes = maya.scene.nodes
    found = []
    for node in nodes.values():
        if node.type != "camera":
            continue
        flat = bool(node.attrs.get("orthographic"))
        if (flags.get("perspective") and flat) or (flags.get("orthographic") and not flat):
            continue
        found.append(node.parent)
    return sorted(found) or None


@command("replace=r", "add=add", "deselect=d", "toggle=tgl", "clear=cl", "all=all", "noExpand=ne")
def select(*args, **flags):
    wanted = [maya.scene.find(name) for name in names_in(args)]
    selection = maya.scene.selection
    if flags.get("clear"):
        chosen = []
    elif flags.get("all"):
        chosen = [
            n
            for n, node in maya.scene.nodes.items()
            if n not in DEFAULTS and not node.parent and node_types.is_transform(node.type)
        ]
    elif flags.get("add"):
        held = set(selection)
        chosen = selection + [n for n in wanted if n not in held]
    elif flags.get("deselect"):
        gone = set(wanted)
        chosen = [n for n in selection if n not in gone]
    elif flags.get("toggle"):
        gone, held = set(wanted), set(selection)
        chosen = [n for n in selection if n not in gone] + [n for n in wanted if n not in held]
    elif not args:
        raise RuntimeError("Nothing is selected. Select objects or components.")
    else:
        # Twice the same name is still one object.
        chosen = list(dict.fromkeys(wanted))
    with maya.undo.step("select"):
        choose(chosen)


def choose(names):
    maya.scene.selection = names
    maya.callbacks.selection_changed()


@command()
def objExists(name):
    node, _, attribute = str(name).rsplit("|", 1)[-1].partition(".")
    if node not in maya.scene.nodes:
        return False
    return (
        not attribute or SHORT_ATTRIBUTES.get(attribute, attribute) in maya.scene.nodes[node].attrs
    )


@command("inherited=i", "apiType=api", "derived=d", "isTypeName=itn")
def nodeType(name, **flags):
    if flags.get("isTypeName"):
        _require_type(name)
        return list(reversed(node_types.LINEAGE[name][:-1]))
    short = str(name).rsplit("|", 1)[-1]
    if short not in maya.scene.nodes:
        raise RuntimeError(f"No object matches name: {name}")
    kind = maya.scene.nodes[short].type
    if flags.get("apiType"):
        return node_types.API_TYPE[kind]
    if flags.get("inherited"):
        return list(reversed(node_types.LINEAGE[kind][:-1]))
    return kind


@command("isType=i:", "isAType=isa:", "tagFromType=tgt:")
def objectType(name, **flags):
    kind = nodeType(name)
    if "isType" in flags:
        return kind == flags["isType"]
    if "isAType" in flags:
        return node_types.is_a(kind, flags["isAType"])
    return kind
