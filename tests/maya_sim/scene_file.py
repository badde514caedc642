"""Scene files: Maya ASCII, with a line of our own that holds everything.

Invariant: what is written can be read back; of a file of a real Maya come the names and types of
its nodes, its references, and the plug-ins that it asks for.
"""

import json
import os
import re

from . import node_types
from .graph import DEFAULTS, TRANSFORM, Node
from .running import maya

MARK = "// maya_sim: "
FLAG = re.compile(r'-(\w+)\s+(?:"([^"]*)"|([\w.]+))')


def write(path):
    scene = maya.scene
    own = {name: node for name, node in scene.nodes.items() if not node.reference}
    kept = {n: [v.lost_type or v.type, v.parent, v.attrs] for n, v in own.items()}
    lines = [f"//Maya ASCII {maya.options.version} scene", f"//Name: {os.path.basename(path)}"]
    lines += [f'requires "{name}" "{version}";' for name, version in scene.unknown_plugins.items()]
    lines.append(MARK + json.dumps(kept))
    for name, node in own.items():
        if name not in DEFAULTS:
            parent = f' -p "{node.parent}"' if node.parent else ""
            lines.append(f'createNode {node.lost_type or node.type} -n "{name}"{parent};')
    lines.append("// End of " + os.path.basename(path))
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except OSError as error:
        raise RuntimeError(f"Could not save file: {path}: {error.strerror}") from error


def read(path):
    """What `path` holds: its nodes, and the plug-ins that it needs and nobody has."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            # Maya breaks a long statement; the rest of it is indented further than any other line.
            lines = file.read().replace("\n\t\t", " ").splitlines()
    except OSError as error:
        raise RuntimeError(f"File not found: {path}") from error
    return _nodes(lines), _missing_plugins(lines)


def _nodes(lines):
    for line in lines:
        if line.startswith(MARK):
            kept = json.loads(line[len(MARK) :])
            return _with_unknown({n: Node(*value) for n, value in kept.items()})
    nodes = {}
    for line in lines:
        words = line.split()
        if len(words) >= 4 and words[0] == "createNode":
            flags = _flags(line)
            attrs = dict(TRANSFORM) if words[1] == "transform" else {}
            if flags.get("n"):
                nodes[flags["n"]] = Node(words[1], flags.get("p", ""), attrs)
        elif words[:2] == ["file", "-r"] and line.rstrip(";").endswith('"'):
            _add_reference(nodes, line)
    return _with_unknown(nodes)


def _add_reference(nodes, line):
    flags = _flags(line)
    path = line.rsplit('"', 2)[-2]
    namespace = flags.get("ns", os.path.splitext(os.path.basename(path))[0])
    nodes[flags.get("rfn", namespace + "RN")] = Node(
        "reference",
        "",
        {"file": path, "namespace": namespace, "loaded": flags.get("dr") != "1"},
    )


def _flags(line):
    return {flag: text or word for flag, text, word in FLAG.findall(line)}


def _with_unknown(nodes):
    """A node whose type nobody knows is kept under another one, until its plug-in comes back."""
    parents = {node.parent for node in nodes.values()}
    for name, node in nodes.items():
        if node_types.known(node.type):
            continue
        node.lost_type = node.type
        if name in parents:
            node.type = "unknownTransform"
        else:
            node.type = "unknownDag" if node.parent else "unknown"
    return nodes


def _missing_plugins(lines):
    missing = {}
    for line in lines:
        words = line.rstrip(";").split('"')
        if line.startswith("requires ") and len(words) >= 4 and words[1] not in maya.plugins:
            missing[words[1]] = words[3]
    return missing
