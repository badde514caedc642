"""Fills the scene with many nodes at once.

Invariant: nothing of it can be taken back, and nobody is told: such a scene was always there.
"""

import itertools

from . import node_types
from .graph import TRANSFORM, Node
from .running import maya

# Beside transforms and meshes, one of each for every hundred pairs.
OTHERS = ("joint", "file", "blinn", "shadingEngine", "animCurveTL", "groupId", "skinCluster")


def populate(count):
    """Adds `count` nodes: nearly half transforms, as many meshes, and a few others."""
    nodes = maya.scene.nodes
    left = count
    for number in itertools.count(1):
        name, shape = f"crowd{number}", f"crowdShape{number}"
        if name in nodes or shape in nodes:
            continue
        if left >= 2:
            nodes[name] = Node("transform", "", dict(TRANSFORM))
            nodes[shape] = Node("mesh", name)
            left -= 2
        if left and (number % 100 == 0 or left == 1):
            for kind in OTHERS[:left]:
                attrs = dict(TRANSFORM) if node_types.is_transform(kind) else {}
                nodes[maya.scene.free_name(f"{kind}_{number}")] = Node(kind, "", attrs)
                left -= 1
        if not left:
            break
    maya.scene.modified = True
    return count
