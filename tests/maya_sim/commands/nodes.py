"""Commands that make, rename and delete nodes.

Invariant: they change the scene only inside `undo.step`, by its own methods.
"""

from .. import node_types
from ..graph import DEFAULTS, TRANSFORM, Node, shape_name
from ..running import maya
from .listing import choose
from .registry import command, names_in

ABSTRACT = frozenset(
    {
        "node", "entity", "dagNode", "shape", "geometryShape", "deformableShape", "controlPoint",
        "surfaceShape", "curveShape", "light", "renderLight", "nonAmbientLightShapeNode",
        "nonExtendedLightShapeNode", "constraint", "shadingDependNode", "reflect", "texture2d",
        "animCurve", "geometryFilter", "polyModifier", "polyCreator",
    }
)  # fmt: skip
# What Maya calls the transform that it makes for a shape.
TRANSFORM_NAMES = {"mesh": "polySurface", "nurbsCurve": "curve"}


def _poly(command_name, stem, flags):
    sizes = {
        key: float(flags[key]) for key in ("width", "height", "depth", "radius") if key in flags
    }
    with maya.undo.step(command_name):
        name = _make_with_shape(str(flags.get("name") or f"{stem}1"), "mesh")[0]
        history = maya.scene.free_name(f"{command_name}1")
        maya.scene.put(history, Node(command_name, "", sizes))
        choose([name])
    return [name, history]


def _make_with_shape(wanted, kind, attrs=None):
    scene = maya.scene
    name = scene.free_name(wanted)
    scene.put(name, Node("transform", "", dict(TRANSFORM)))
    shape = scene.free_name(shape_name(name))
    scene.put(shape, Node(kind, name, dict(attrs or {})))
    return [name, shape]


@command("name=n:", "width=w:", "height=h:", "depth=d:", "constructionHistory=ch:")
def polyCube(**flags):
    return _poly("polyCube", "pCube", flags)


@command("name=n:", "radius=r:", "constructionHistory=ch:")
def polySphere(**flags):
    return _poly("polySphere", "pSphere", flags)


@command("name=n:", "width=w:", "height=h:", "constructionHistory=ch:")
def polyPlane(**flags):
    return _poly("polyPlane", "pPlane", flags)


@command("name=n:", "parent=p:", "skipSelect=ss", "shared=s")
def createNode(kind, **flags):
    kind = str(kind)
    if not node_types.known(kind) or kind in ABSTRACT:
        raise RuntimeError(f"Unknown object type: {kind}")
    scene = maya.scene
    parent = scene.find(flags["parent"]) if flags.get("parent") else ""
    if parent and not (
        node_types.is_dag(kind) and node_types.is_transform(scene.nodes[parent].type)
    ):
        raise RuntimeError(f"Cannot parent a {kind} to {parent}.")
    if flags.get("shared") and flags.get("name") in scene.nodes:
        return None
    with maya.undo.step("createNode"):
        stem = TRANSFORM_NAMES.get(kind, kind)
        wanted = flags.get("name")
        if node_types.is_shape(kind) and not parent:
            # A shape cannot be without a transform: one is made, and the name is the shape's.
            parent, name = _make_with_shape(f"{stem}1", kind)
            if wanted:
                node = scene.nodes[name]
                scene.drop(name)
                name = scene.free_name(str(wanted))
                scene.put(name, node)
        else:
            usual = f"{stem}Shape1" if node_types.is_shape(kind) else f"{kind}1"
            name = scene.free_name(str(wanted or usual))
            attrs = dict(TRANSFORM) if node_types.is_transform(kind) else {}
            scene.put(name, Node(kind, parent, attrs))
        if not flags.get("skipSelect"):
            choose([name])
    return name


@command(
    "query=q", "edit=e", "name=n:", "orthographic=o", "focalLength=fl:", "startupCamera=sc",
    "position=p:", "rotation=rot:",
)  # fmt: skip
def camera(*args, **flags):
    if flags.get("query"):
        shape = _camera_shape(args)
        if flags.get("orthographic"):
            return bool(maya.scene.nodes[shape].attrs.get("orthographic"))
        if flags.get("startupCamera"):
            return shape in DEFAULTS
        if "focalLength" in flags:
            return maya.scene.nodes[shape].attrs.get("focalLength", 35.0)
        raise RuntimeError("Must specify a flag to query.")
    settings = {
        "orthographic": bool(flags.get("orthographic")),
        "focalLength": float(flags.get("focalLength") or 35.0),
    }
    with maya.undo.step("camera"):
        if flags.get("edit"):
            shape = _camera_shape(args)
            for key in settings.keys() & flags.keys():
                maya.scene.set_attr(maya.scene.nodes[shape], key, settings[key])
            return None
        # The name is only a stem: Maya always counts it up.
        wanted = str(flags.get("name") or "camera")
        made = _make_with_shape(
            wanted if wanted[-1].isdigit() else f"{wanted}1", "camera", settings
        )
        choose(made[:1])
    return made


def _camera_shape(args):
    names = names_in(args) or maya.scene.selection
    if not names:
        raise RuntimeError("No camera was given.")
    name = maya.scene.find(names[0])
    shape = camera_shape(name)
    if shape is None:
        raise RuntimeError(f"{name} is not a camera.")
    return shape


def camera_shape(name):
    """The camera of this name, or below this transform; None when there is none."""
    nodes = maya.scene.nodes
    if nodes[name].type == "camera":
        return name
    return next((n for n in maya.scene.children(name) if nodes[n].type == "camera"), None)


@command()
def delete(*args):
    scene = maya.scene
    doomed = {scene.find(name) for name in names_in(args)} or set(scene.selection)
    for name in doomed:
        if name in DEFAULTS:
            raise RuntimeError(f"Cannot delete a default node: {name}")
        if scene.nodes[name].reference:
            raise RuntimeError(f"Can not delete a referenced node: {name}")
    with maya.undo.step("delete"):
        for name in scene.below(doomed):
            scene.drop(name)
        choose([n for n in scene.selection if n in scene.nodes])


@command("ignoreShape=is")
def rename(*args, **flags):
    old, wanted = args
    scene = maya.scene
    old = scene.find(old)
    if old in DEFAULTS or scene.nodes[old].reference:
        raise RuntimeError(f"Cannot rename a read only node: {old}")
    if old == wanted:
        return old
    with maya.undo.step("rename"):
        new = scene.free_name(str(wanted))
        names = {old: new}
        shape = shape_name(old)
        if (
            not flags.get("ignoreShape")
            and shape in scene.nodes
            and scene.nodes[shape].parent == old
        ):
            names[shape] = scene.free_name(shape_name(new))
        for child in scene.children(old):
            scene.set_parent(scene.nodes[child], new)
        for before, after in names.items():
            node = scene.nodes[before]
            scene.drop(before)
            scene.put(after, node)
        scene.selection = [names.get(n, n) for n in scene.selection]
    maya.callbacks.fire_event("NameChanged")
    return new


@command("world=w", "relative=r", "absolute=a")
def parent(*args, **flags):
    scene = maya.scene
    names = [scene.find(name) for name in names_in(args)]
    target = "" if flags.get("world") else names.pop()
    if target in scene.below(names):
        raise RuntimeError(f"Cannot parent {target} to itself or to one of its children.")
    with maya.undo.step("parent"):
        for name in names:
            scene.set_parent(scene.nodes[name], target)
    return names
