"""The scene in numbers.

Invariant: nothing is changed, and no list of nodes is asked for as a whole. Each question is asked
by itself: one that this Maya cannot answer leaves null in its place, and so does a disk that does
not answer in time.
"""

import importlib
import os
import sys
import threading
import time

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
LOOKING_S = 2.0  # For files, on all disks together.

_looking = {}  # A disk -> the thread that looks there; one that hangs is not asked again.


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
    project = _text(maya.ask("workspace", query=True, rootDirectory=True))
    entries = [_reference(maya, name) for name in names[:LONGEST_LIST]]
    places = {_place(path, project) for entry in entries for path in entry["missing"]}
    seen = _look_for(places - {None})
    for entry in entries:
        entry["missing"] = _or_none(_is_missing, maya, entry["missing"], project, seen)
    return {"count": len(names), "entries": entries}


def _is_of_no_file(name):
    return name.rpartition(":")[2].startswith(NOT_REFERENCES)


def _reference(maya, node):
    """Its entry, with the paths to look for as what is missing."""

    def ask(**flags):
        return maya.ask("referenceQuery", node, **flags)

    path = _text(ask(filename=True, withoutCopyNumber=True))
    unresolved = _text(ask(filename=True, withoutCopyNumber=True, unresolvedName=True))
    return {
        "node": cut(node),
        "file": path or unresolved,
        "loaded": _flag(ask(isLoaded=True)),
        "missing": [one for one in (path, unresolved) if one],
    }


def _is_missing(maya, paths, project, seen):
    """True when none of these paths leads to a file; None where that is not known."""
    missing = True if paths else None
    for path in paths:
        place = _place(path, project)
        there = False if place is None else seen.get(place)
        if there is False and not os.path.isabs(_expanded(path)):  # By Maya's own rules.
            there = bool(maya.ask("file", path, query=True, exists=True))
        if there:
            return False
        if there is None:
            missing = None
    return missing


def _place(path, project):
    """Where to look for it; None for what is relative to a project that is unknown."""
    expanded = _expanded(path)
    if os.path.isabs(expanded):
        return expanded
    return os.path.join(project, expanded) if project else None


def _expanded(path):
    return os.path.expanduser(os.path.expandvars(path))


def _look_for(places):
    """place -> whether there is a file, of those for which that was said in time.

    A server that is down takes long to say so, and nothing stops the question: each disk is asked
    by a thread of its own, which is left alone when the time is over.
    """
    until = time.monotonic() + LOOKING_S
    seen = {}
    disks = {}
    for place in places:
        disks.setdefault(_disk(place), []).append(place)
    for disk in list(disks):
        if disk in _looking and _looking[disk].is_alive():
            del disks[disk]
    for disk, some in disks.items():
        thread = threading.Thread(target=_look, args=(some, seen, until), daemon=True)
        thread.start()
        _looking[disk] = thread
    for disk in disks:
        _looking[disk].join(max(0.0, until - time.monotonic()))
        if not _looking[disk].is_alive():
            del _looking[disk]
    return dict(seen)


def _disk(place):
    """A drive, a server's share, or the second folder from the root: where others are mounted."""
    return os.path.splitdrive(place)[0] or os.sep.join(place.split(os.sep)[:3])


def _look(places, seen, until):
    folders = {}  # A folder that is away is looked for once.
    for place in places:
        if time.monotonic() >= until:  # Nobody waits any more.
            return
        try:
            folder = os.path.dirname(place)
            if folder not in folders:
                folders[folder] = os.path.isdir(folder)
            seen[place] = folders[folder] and os.path.exists(place)
        except ValueError:  # No system has a file of such a name.
            seen[place] = False


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
