"""Commands about attributes.

Invariant: they change a node only inside `undo.step`, by the scene's own methods.
"""

from ..running import maya
from .registry import command, names_in

SHORT_ATTRIBUTES = {
    "t": "translate", "tx": "translateX", "ty": "translateY", "tz": "translateZ",
    "r": "rotate", "rx": "rotateX", "ry": "rotateY", "rz": "rotateZ",
    "s": "scale", "sx": "scaleX", "sy": "scaleY", "sz": "scaleZ", "v": "visibility",
}  # fmt: skip


@command("size=s", "type=typ", "lock=l")
def getAttr(plug, **flags):
    node, attribute = _attribute(plug)
    if attribute in node.attrs:
        return node.attrs[attribute]
    return [tuple(node.attrs[attribute + axis] for axis in "XYZ")]


@command("type=typ:", "lock=l:", "clamp=c")
def setAttr(plug, *values, **flags):
    _attribute(plug)
    with maya.undo.step("setAttr"):
        node, attribute = _attribute(plug)
        if attribute in node.attrs:
            if len(values) != 1:
                raise RuntimeError(
                    f"setAttr: Error reading data element number {len(values) + 1}: "
                )
            value = values[0]
            if not isinstance(value, (str, bool)):
                value = _same(node.attrs[attribute], value)
            maya.scene.set_attr(node, attribute, value)
        else:
            for axis, value in zip("XYZ", _three(values), strict=True):
                maya.scene.set_attr(node, attribute + axis, float(value))


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


def _place(command_name, stem, values, names, relative):
    values = _three(values)
    targets = [maya.scene.find(n) for n in names] or list(maya.scene.selection)
    with maya.undo.step(command_name):
        for target in targets:
            node = maya.scene.nodes[target]
            for axis, value in zip("XYZ", values, strict=True):
                base = node.attrs[stem + axis] if relative else 0.0
                maya.scene.set_attr(node, stem + axis, base + float(value))


def _same(old, value):
    return type(old)(value) if isinstance(old, (int, float)) else value


def _three(values):
    if len(values) == 1 and isinstance(values[0], (list, tuple)):
        values = values[0]
    if len(values) != 3:
        raise RuntimeError(f"setAttr: Error reading data element number {len(values) + 1}: ")
    return values


def _attribute(plug):
    name, _, attribute = str(plug).rpartition(".")
    node = maya.scene.nodes.get(name.rsplit("|", 1)[-1])
    attribute = SHORT_ATTRIBUTES.get(attribute, attribute)
    if node is None or not (attribute in node.attrs or attribute + "X" in node.attrs):
        raise ValueError(f"No object matches name: {plug}")
    return node, attribute
