"""Commands about nodes: making, finding, changing them.

Invariant: they never change `maya.scene.nodes` outside `undo.step`.
"""

import fnmatch

from ..running import maya
from ..scene import DEFAULTS, Node
from .registry import command, names_in

TRANSFORM = {
    **{f"translate{axis}": 0.0 for axis in "XYZ"},
    **{f"rotate{axis}": 0.0 for axis in "XYZ"},
    **{f"scale{axis}": 1.0 for axis in "XYZ"},
    "visibility": True,
}
SHORT_ATTRIBUTES = {
    "t": "translate", "tx": "translateX", "ty": "translateY", "tz": "translateZ",
    "r": "rotate", "rx": "rotateX", "ry": "rotateY", "rz": "rotateZ",
    "s": "scale", "sx": "scaleX", "sy": "scaleY", "sz": "scaleZ", "v": "visibility",
}  # fmt: skip


def _poly(command_name, stem, maker, flags):
    sizes = {
        key: float(flags[key]) for key in ("width", "height", "depth", "radius") if key in flags
    }
    with maya.undo.step(command_name):
        name = _make_shape(str(flags.get("name") or f"{stem}1"))
        history = maya.scene.free_name(f"{command_name}1")
        maya.scene.nodes[history] = Node(maker, "", sizes)
        _select([name])
    return [name, history]


def _make_shape(wanted):
    nodes = maya.scene.nodes
    name = maya.scene.free_name(wanted)
    nodes[name] = Node("transform", "", dict(TRANSFORM))
    nodes[maya.scene.free_name(_shape_name(name))] = Node("mesh", name)
    return name


def _shape_name(name):
    stem = name.rstrip("0123456789")
    return f"{stem}Shape{name[len(stem) :]}"


@command("name=n:", "width=w:", "height=h:", "depth=d:", "constructionHistory=ch:")
def polyCube(**flags):
    return _poly("polyCube", "pCube", "polyCube", flags)


@command("name=n:", "radius=r:", "constructionHistory=ch:")
def polySphere(**flags):
    return _poly("polySphere", "pSphere", "polySphere", flags)


@command("name=n:", "width=w:", "height=h:", "constructionHistory=ch:")
def polyPlane(**flags):
    return _poly("polyPlane", "pPlane", "polyPlane", flags)


@command(
    "selection=sl", "type=typ:", "long=l", "transforms=tr", "shapes=s", "dag=dag", "cameras=ca"
)
def ls(*args, **flags):
    nodes = maya.scene.nodes
    found = list(maya.scene.selection) if flags.get("selection") else list(nodes)
    patterns = [str(p).rsplit("|", 1)[-1] for p in names_in(args)]
    if patterns:
        found = [n for n in found if any(fnmatch.fnmatchcase(n, p) for p in patterns)]
    types = names_in([flags["type"]]) if flags.get("type") else None
    if flags.get("transforms"):
        types = ["transform"]
    if flags.get("cameras"):
        types = ["camera"]
    if types:
        found = [n for n in found if nodes[n].type in types]
    if flags.get("shapes"):
        found = [n for n in found if nodes[n].parent]
    if flags.get("dag"):
        found = [n for n in found if nodes[n].parent or nodes[n].type == "transform"]
    if flags.get("long"):
        return [_long(n) for n in found]
    # Sorted, as Maya lists them; a selection keeps its order.
    return found if flags.get("selection") else sorted(found)


def _long(name):
    node = maya.scene.nodes[name]
    if node.parent:
        return f"{_long(node.parent)}|{name}"
    return f"|{name}" if node.type == "transform" else name


@command("replace=r", "add=add", "deselect=d", "toggle=tgl", "clear=cl", "all=all", "noExpand=ne")
def select(*args, **flags):
    wanted = [maya.scene.find(name) for name in names_in(args)]
    selection = maya.scene.selection
    if flags.get("clear"):
        chosen = []
    elif flags.get("all"):
        chosen = [
            n for n, v in maya.scene.nodes.items() if v.type == "transform" and n not in DEFAULTS
        ]
    elif flags.get("add"):
        chosen = selection + [n for n in wanted if n not in selection]
    elif flags.get("deselect"):
        chosen = [n for n in selection if n not in wanted]
    elif flags.get("toggle"):
        chosen = [n for n in selection if n not in wanted] + [
            n for n in wanted if n not in selection
        ]
    else:
        chosen = wanted
    with maya.undo.step("select"):
        _select(chosen)


def _select(names):
    maya.scene.selection = list(names)
    maya.callbacks.selection_changed()


@command()
def delete(*args):
    doomed = {maya.scene.find(name) for name in names_in(args)} or set(maya.scene.selection)
    for name in doomed:
        if name in DEFAULTS:
            raise RuntimeError(f"Cannot delete a default node: {name}")
    with maya.undo.step("delete"):
        nodes = maya.scene.nodes
        for name in [n for n, v in nodes.items() if n in doomed or v.parent in doomed]:
            del nodes[name]
        _select([n for n in maya.scene.selection if n in nodes])


@command("ignoreShape=is")
def rename(*args, **flags):
    old, wanted = args
    old = maya.scene.find(old)
    if old in DEFAULTS:
        raise RuntimeError(f"Cannot rename a read only node: {old}")
    if old == wanted:
        return old
    with maya.undo.step("rename"):
        scene = maya.scene
        new = scene.free_name(str(wanted))
        names = {old: new}
        if scene.nodes.get(_shape_name(old), Node("")).parent == old and not flags.get(
            "ignoreShape"
        ):
            names[_shape_name(old)] = scene.free_name(_shape_name(new))
        scene.nodes = {names.get(n, n): node for n, node in scene.nodes.items()}
        for node in scene.nodes.values():
            node.parent = names.get(node.parent, node.parent)
        scene.selection = [names.get(n, n) for n in scene.selection]
    maya.callbacks.fire_event("NameChanged")
    return new


@command()
def objExists(name):
    node, _, attribute = str(name).rsplit("|", 1)[-1].partition(".")
    if node not in maya.scene.nodes:
        return False
    return (
        not attribute or SHORT_ATTRIBUTES.get(attribute, attribute) in maya.scene.nodes[node].attrs
    )


@command()
def nodeType(name):
    short = str(name).rsplit("|", 1)[-1]
    if short not in maya.scene.nodes:
        raise RuntimeError(f"No object matches name: {name}")
    return maya.scene.nodes[short].type


@command("size=s", "type=typ", "lock=l")
def getAttr(plug, **flags):
    attrs, attribute = _attribute(plug)
    if attribute in attrs:
        return attrs[attribute]
    return [tuple(attrs[attribute + axis] for axis in "XYZ")]


@command("type=typ:", "lock=l:", "clamp=c")
def setAttr(plug, *values, **flags):
    _attribute(plug)
    with maya.undo.step("setAttr"):
        attrs, attribute = _attribute(plug)
        if attribute in attrs:
            if len(values) != 1:
                raise RuntimeError(
                    f"setAttr: Error reading data element number {len(values) + 1}: "
                )
            attrs[attribute] = (
                values[0]
                if isinstance(values[0], (str, bool))
                else _same(attrs, attribute, values[0])
            )
        else:
            for axis, value in zip("XYZ", _three(values), strict=True):
                attrs[attribute + axis] = float(value)


def _same(attrs, attribute, value):
    return type(attrs[attribute])(value) if isinstance(attrs[attribute], (int, float)) else value


def _three(values):
    if len(values) == 1 and isinstance(values[0], (list, tuple)):
        values = values[0]
    if len(values) != 3:
        raise RuntimeError(f"setAttr: Error reading data element number {len(values) + 1}: ")
    return values


def _attribute(plug):
    node, _, attribute = str(plug).rpartition(".")
    short = node.rsplit("|", 1)[-1]
    attribute = SHORT_ATTRIBUTES.get(attribute, attribute)
    attrs = maya.scene.nodes[short].attrs if short in maya.scene.nodes else {}
    if attribute not in attrs and attribute + "X" not in attrs:
        raise ValueError(f"No object matches name: {plug}")
    return attrs, attribute


def _place(command_name, stem, values, names, relative):
    values = _three(values)
    targets = [maya.scene.find(n) for n in names] or list(maya.scene.selection)
    with maya.undo.step(command_name):
        for target in targets:
            attrs = maya.scene.nodes[target].attrs
            for axis, value in zip("XYZ", values, strict=True):
                base = attrs[stem + axis] if relative else 0.0
                attrs[stem + axis] = base + float(value)


@command("relative=r", "absolute=a", "worldSpace=ws", "objectSpace=os")
def move(*args, **flags):
    values = [a for a in args if not isinstance(a, str)]
    names = [a for a in args if isinstance(a, str)]
    _place("move", "translate", values, names, flags.get("relative"))


@command("query=q", "translation=t:", "rotation=ro:", "scale=s:", "worldSpace=ws", "relative=r")
def xform(*args, **flags):
    stems = {"translation": "translate", "rotation": "rotate", "scale": "scale"}
    for flag, stem in stems.items():
        if flag not in flags:
            continue
        if not flags.get("query"):
            _place("xform", stem, flags[flag], names_in(args), flags.get("relative"))
            continue
        target = maya.scene.find((names_in(args) or maya.scene.selection)[0])
        return [maya.scene.nodes[target].attrs[stem + axis] for axis in "XYZ"]
    return None
