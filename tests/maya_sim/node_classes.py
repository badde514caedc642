"""The OpenMaya classes about nodes: MFn, MObject, the iterator, the selection list, a node's name.

Invariant: going over nodes builds no names and copies none; it costs about what a call into C++
costs. As all of the API but messages, they belong to the main thread.
"""

from . import node_types
from .running import maya, require_main_thread

MFn = type("MFn", (), dict(node_types.MFN))
MFn.__doc__ = "The kinds of function sets. Their numbers are not Maya's, whose differ by version."


class MObject:
    """A node, or nothing."""

    __slots__ = ("_node",)
    kNullObj = None

    def __init__(self, node=None):
        self._node = node

    def __eq__(self, other):
        return isinstance(other, MObject) and self._node is other._node

    def __hash__(self):
        return id(self._node)

    def isNull(self):
        return self._node is None

    def hasFn(self, function):
        return self._node is not None and function in node_types.FUNCTIONS[self._node.type]

    def apiType(self):
        return MFn.kInvalid if self._node is None else node_types.MFN[self.apiTypeStr]

    @property
    def apiTypeStr(self):
        return "kInvalid" if self._node is None else node_types.API_TYPE[self._node.type]


MObject.kNullObj = MObject()


class MItDependencyNodes:
    """All nodes, or those that have a function set: a filter matches what derives from it, too."""

    __slots__ = ("_nodes", "_at", "_end")

    def __init__(self, filter=MFn.kInvalid):
        self.reset(filter)

    def reset(self, filter=MFn.kInvalid):
        require_main_thread("MItDependencyNodes")
        if not isinstance(filter, int) or isinstance(filter, bool):
            raise TypeError(f"filter must be one of MFn, not {filter!r}")
        nodes = maya.scene.nodes.values()
        if filter == MFn.kInvalid:
            self._nodes = list(nodes)
        else:
            kinds = {kind for kind, fns in node_types.FUNCTIONS.items() if filter in fns}
            self._nodes = [node for node in nodes if node.type in kinds]
        self._at = 0
        self._end = len(self._nodes)

    def isDone(self):
        return self._at >= self._end

    def thisNode(self):
        if self._at >= self._end:
            raise RuntimeError("(kFailure): Object does not exist")
        return MObject(self._nodes[self._at])

    def next(self):
        self._at += 1

    def __iter__(self):
        # The second API gives MObjects to a for loop.
        while self._at < self._end:
            yield MObject(self._nodes[self._at])
            self._at += 1


class MSelectionList:
    """Of the second API."""

    __slots__ = ("_names",)

    def __init__(self, names=()):
        # Not copied: whoever changes a list of names puts another in its place, here as well.
        self._names = names

    def add(self, name, *_):
        self._names = [*self._names, _existing(name)]
        return self

    def length(self):
        return len(self._names)

    def isEmpty(self):
        return not self._names

    def clear(self):
        self._names = []
        return self

    def getSelectionStrings(self, index=None):
        """The names of all, or of one: a tuple in either case."""
        if index is None:
            return tuple(self._names)
        return (self._at(index),)

    def getDependNode(self, index):
        name = self._at(index)
        if name not in maya.scene.nodes:
            raise RuntimeError("(kInvalidParameter): Object does not exist")
        return MObject(maya.scene.nodes[name])

    def _at(self, index):
        if not 0 <= index < len(self._names):
            raise IndexError("object at index out of range")
        return self._names[index]


class MSelectionList1(MSelectionList):
    """Of the first API: answers are written into what was given."""

    __slots__ = ()

    def fill(self, names):
        self._names = names

    def getSelectionStrings(self, *arguments):
        *index, into = arguments
        into.extend([self._at(index[0])] if index else self._names)

    def getDependNode(self, index, into):
        into._node = super().getDependNode(index)._node


class MFnDependencyNode:
    """A node's name and type. The name is looked for among all: Maya knows it at once."""

    def __init__(self, node):
        if not node.hasFn(MFn.kDependencyNode):
            raise TypeError("(kInvalidParameter): Object is incompatible with this method")
        self._node = node._node

    def name(self):
        for name, node in maya.scene.nodes.items():
            if node is self._node:
                return name
        raise RuntimeError("(kInvalidParameter): Object does not exist")

    @property
    def typeName(self):
        return self._node.type


class MFnDependencyNode1(MFnDependencyNode):
    """Of the first API: a method where the second has a property."""

    def typeName(self):
        return self._node.type


def select_nodes(selection, adjustment):
    """Selects without a step in the undo queue, which is what the API does."""
    require_main_thread("MGlobal.setActiveSelectionList")
    own, given = maya.scene.selection, selection._names
    chosen, held = set(given), set(own)
    added = [name for name in given if name not in held]
    kept = [name for name in own if name not in chosen]
    maya.scene.select([given, kept + added, own + added, kept][adjustment])
    maya.callbacks.selection_changed()


def _existing(name):
    try:
        return maya.scene.find(name)
    except ValueError as error:
        raise RuntimeError(f"(kInvalidParameter): {error}") from error
