"""The nodes of the scene and the selection.

Invariant: whatever an artist could take back is changed by the methods here, inside `undo.step`,
and noted in the journal: nobody copies a scene to be able to take a step back.
"""

from dataclasses import dataclass, field

from . import node_types

MISSING = object()
TRANSFORM = {
    **{f"translate{axis}": 0.0 for axis in "XYZ"},
    **{f"rotate{axis}": 0.0 for axis in "XYZ"},
    **{f"scale{axis}": 1.0 for axis in "XYZ"},
    "visibility": True,
}


@dataclass(eq=False)
class Node:
    type: str
    parent: str = ""
    attrs: dict = field(default_factory=dict)
    # The reference node it came with, or "".
    reference: str = ""
    # What an unknown node was before its plug-in went missing. It is saved under that name.
    lost_type: str = ""


def _default_nodes():
    nodes = {"time1": Node("time", "", {"outTime": 1.0})}
    for camera in ("persp", "top", "front", "side"):
        nodes[camera] = Node("transform", "", dict(TRANSFORM))
        nodes[camera + "Shape"] = Node("camera", camera, {"orthographic": camera != "persp"})
    # 7 is IFF. A playblast looks here for its format, not at the ending of the file's name.
    nodes["defaultRenderGlobals"] = Node("renderGlobals", "", {"imageFormat": 7})
    nodes["initialShadingGroup"] = Node("shadingEngine")
    nodes["initialParticleSE"] = Node("shadingEngine")
    nodes["defaultLightSet"] = Node("objectSet")
    nodes["defaultObjectSet"] = Node("objectSet")
    nodes["lambert1"] = Node("lambert")
    return nodes


DEFAULTS = frozenset(_default_nodes())


class Scene:
    def __init__(self):
        self.journal = []
        self.clear()

    def clear(self):
        self.nodes = _default_nodes()
        self._selection = []
        self.path = ""
        self.modified = False
        # The plug-ins that the file asked for and nobody has: name → version.
        self.unknown_plugins = {}
        self.journal.clear()

    @property
    def selection(self):
        return self._selection

    @selection.setter
    def selection(self, names):
        self.note(vars(self), "_selection", list(names))

    def select(self, names):
        """Selects what of these there is, in a way that nobody can take back."""
        self._selection = [name for name in names if name in self.nodes]

    def put(self, name, node):
        self.note(self.nodes, name, node)
        return node

    def drop(self, name):
        self.note(self.nodes, name, MISSING)

    def set_attr(self, node, attribute, value):
        self.note(node.attrs, attribute, value)

    def set_parent(self, node, parent):
        self.note(vars(node), "parent", parent)

    def take_back(self, start):
        """Everything since the journal was `start` entries long."""
        self.undo(self.journal[start:])
        del self.journal[start:]

    def undo(self, changes):
        for where, key, old, _ in reversed(changes):
            _put(where, key, old)

    def redo(self, changes):
        for where, key, _, new in changes:
            _put(where, key, new)

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

    def children(self, name):
        return [n for n, node in self.nodes.items() if node.parent == name]

    def below(self, names):
        """These nodes and all that hangs on them."""
        found = set(names)
        by_parent = {}
        for name, node in self.nodes.items():
            if node.parent:
                by_parent.setdefault(node.parent, []).append(name)
        waiting = list(found)
        while waiting:
            for child in by_parent.get(waiting.pop(), ()):
                if child not in found:
                    found.add(child)
                    waiting.append(child)
        return found

    def long_name(self, name):
        node = self.nodes[name]
        if node.parent:
            return f"{self.long_name(node.parent)}|{name}"
        return f"|{name}" if node_types.is_dag(node.type) else name

    def note(self, where, key, new):
        """Changes what is no node, too, in such a way that it can be taken back."""
        self.journal.append((where, key, where.get(key, MISSING), new))
        _put(where, key, new)


def _put(where, key, value):
    if value is MISSING:
        del where[key]
    else:
        where[key] = value


def shape_name(name):
    """`pCube1` has the shape `pCubeShape1`."""
    stem = name.rstrip("0123456789")
    return f"{stem}Shape{name[len(stem) :]}"
