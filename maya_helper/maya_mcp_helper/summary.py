"""The scene in numbers.

Invariant: nothing is changed, and no list of nodes is asked for as a whole. Each question is asked
by itself: one that this Maya cannot answer leaves null in its place.
"""

import importlib
import os
import sys

from . import requests, selection
from .methods import Reply
from .selection import LONGEST_LIST, cut

# What is counted -> the function set of the API that its nodes have.
NODES = {
    "transform": "kTransform",
    "joint": "kJoint",
    "constraint": "kConstraint",
    "mesh": "kMesh",
    "nurbsCurve": "kNurbsCurve",
    "nurbsSurface": "kNurbsSurface",
    "light": "kLight",
    "skinCluster": "kSkinClusterFilter",
    "blendShape": "kBlendShape",
    "animCurve": "kAnimCurve",
    "shadingEngine": "kShadingEngine",
    "file": "kFileTexture",
}
UNKNOWN = ("kUnknown", "kUnknownDag", "kUnknownTransform")
NOT_REFERENCES = ("sharedReferenceNode", "_UNKNOWN_REF_NODE_")


def scene(params):
    """Everything that fits into a few kilobytes."""
    requests.only(params, ())
    maya = _Maya()
    return Reply(
        {
            "file": _text(maya.ask("file", query=True, sceneName=True)),
            "modified": _flag(maya.ask("file", query=True, modified=True)),
            "units": {
                unit: _text(maya.ask("currentUnit", query=True, **{flag: True}))
                for unit, flag in (("linear", "linear"), ("angle", "angle"), ("time", "time"))
            },
            "up_axis": _text(maya.ask("upAxis", query=True, axis=True)),
            "frames": _frames(maya),
            "nodes": _or_none(maya.counts),
            "cameras": _or_none(_cameras, maya),
            "references": _or_none(_references, maya),
            "selection": _or_none(selection.current),
            "unknown_nodes": _or_none(maya.named, UNKNOWN),
            "unknown_plugins": _or_none(_plugins, maya, "unknownPlugin", "list"),
            "plugins": _or_none(_plugins, maya, "pluginInfo", "listPlugins"),
        }
    )


class _Maya:
    """Where the questions go. None of them is undoable."""

    def __init__(self):
        self._examples = None  # A node of each type in the scene, once they were counted.
        self._commands = _or_none(importlib.import_module, "maya.cmds")
        self._api = _or_none(importlib.import_module, "maya.api.OpenMaya")
        if not hasattr(self._api, "MItDependencyNodes"):
            self._api = _or_none(importlib.import_module, "maya.OpenMaya")

    def ask(self, command, *args, **flags):
        """What the command says; None where it fails."""
        try:
            return self.query(command, *args, **flags)
        except Exception:
            return None

    def query(self, command, *args, **flags):
        """What the command says."""
        return getattr(self._commands, command)(*args, **flags)

    def counts(self):
        """How many nodes there are of each of NODES, those derived from it among them.

        One pass over the scene, which only tells the types apart; what a type derives from is
        asked of the first node of it.
        """
        counts = {}
        examples = {}
        for node in self._each(self._api.MItDependencyNodes()):
            kind = node.apiType()
            if kind in counts:
                counts[kind] += 1
            else:
                counts[kind] = 1
                examples[kind] = node
        self._examples = list(examples.values())
        told = {"all": sum(counts.values())}
        for name, function in NODES.items():
            number = getattr(self._api.MFn, function, None)
            told[name] = None
            if number is not None:
                told[name] = sum(counts[kind] for kind in counts if examples[kind].hasFn(number))
        return told

    def named(self, kinds):
        """How many nodes there are of any of these kinds, and the names of the first ones."""
        count, first = self.first(kinds, LONGEST_LIST)
        return {"count": count, "names": [cut(self.name(node)) for node in first]}

    def first(self, kinds, most):
        """(how many nodes there are of any of these kinds, the first of them), none twice."""
        known = [getattr(self._api.MFn, kind) for kind in kinds if hasattr(self._api.MFn, kind)]
        if self._examples is not None:  # Another pass for what was seen in the first one only.
            known = [kind for kind in known if any(node.hasFn(kind) for node in self._examples)]
        count = 0
        first = []
        for place, kind in enumerate(known):
            for node in self._each(self._api.MItDependencyNodes(kind)):
                if not any(node.hasFn(earlier) for earlier in known[:place]):
                    count += 1
                    if len(first) < most:
                        first.append(node)
        return count, first

    def _each(self, nodes):
        """The nodes of an iterator of either API."""
        return nodes if hasattr(nodes, "__iter__") else self._one_by_one(nodes)

    def _one_by_one(self, nodes):
        # The old API has it by another name in some editions.
        this = nodes.thisNode if hasattr(nodes, "thisNode") else nodes.item
        while not nodes.isDone():
            yield this()
            nodes.next()

    def name(self, node):
        """The shortest name that only this node has."""
        try:
            return self._api.MFnDagNode(node).partialPathName()
        except Exception:  # It is not in the DAG.
            return self._api.MFnDependencyNode(node).name()


def _frames(maya):
    flags = {
        "start": "minTime",
        "end": "maxTime",
        "animation_start": "animationStartTime",
        "animation_end": "animationEndTime",
    }
    frames = {
        name: _number(maya.ask("playbackOptions", query=True, **{flag: True}))
        for name, flag in flags.items()
    }
    frames["current"] = _number(maya.ask("currentTime", query=True))
    return frames


def _cameras(maya):
    """By their transforms, as the artist knows them."""
    found = maya.named(("kCamera",))
    for place, shape in enumerate(found["names"]):
        parents = maya.ask("listRelatives", shape, parent=True, path=True)
        if parents:
            found["names"][place] = cut(parents[0])
    return found


def _plugins(maya, command, flag):
    names = maya.query(command, query=True, **{flag: True}) or []  # None: there is none.
    return {"count": len(names), "names": [cut(name) for name in sorted(names)[:LONGEST_LIST]]}


def _references(maya):
    # All of their names are read: two kinds of these nodes are none of a file, and only so told.
    _, nodes = maya.first(("kReference",), sys.maxsize)
    names = [name for name in (maya.name(node) for node in nodes) if not _is_of_no_file(name)]
    folders = _Folders(maya)
    entries = [_reference(maya, name, folders) for name in names[:LONGEST_LIST]]
    return {"count": len(names), "entries": entries}


def _is_of_no_file(name):
    return name.rpartition(":")[2].startswith(NOT_REFERENCES)


def _reference(maya, node, folders):
    def ask(**flags):
        return maya.ask("referenceQuery", node, **flags)

    path = _text(ask(filename=True, withoutCopyNumber=True))
    unresolved = _text(ask(filename=True, withoutCopyNumber=True, unresolvedName=True))
    return {
        "node": cut(node),
        "file": path or unresolved,
        "loaded": _flag(ask(isLoaded=True)),
        "missing": _or_none(folders.miss, (path, unresolved)),
    }


class _Folders:
    """Looks for files, in a folder that is away only once: a server that is down takes its time."""

    def __init__(self, maya):
        self._maya = maya
        self._there = {}

    def miss(self, paths):
        """True when none of these paths leads to a file; None without any path."""
        paths = [path for path in paths if path]
        if not paths:
            return None
        return not any(self._leads(path) for path in paths)

    def _leads(self, path):
        expanded = os.path.expanduser(os.path.expandvars(path))
        if os.path.isabs(expanded):
            if not self._is_there(os.path.dirname(expanded)):
                return False
            return os.path.exists(expanded)
        # Relative to the project, or by Maya's own rules.
        root = _text(self._maya.ask("workspace", query=True, rootDirectory=True))
        if root and os.path.exists(os.path.join(root, expanded)):
            return True
        return bool(self._maya.ask("file", path, query=True, exists=True))

    def _is_there(self, folder):
        if folder not in self._there:
            self._there[folder] = os.path.isdir(folder)
        return self._there[folder]


def _or_none(function, *args):
    try:
        return function(*args)
    except Exception:
        return None


def _text(value):
    return cut(value) if isinstance(value, str) else None


def _flag(value):
    return None if value is None else bool(value)


def _number(value):
    is_number = isinstance(value, (int, float)) and value == value and abs(value) != float("inf")
    return value if is_number else None
