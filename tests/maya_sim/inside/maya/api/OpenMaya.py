"""`maya.api.OpenMaya`, the second of Maya's two Python APIs: messages, and a little about nodes."""

from maya_sim.messages import (  # noqa: F401
    MCommandMessage,
    MEventMessage,
    MFileObject,
    MGlobal,
    MMessage,
    MSceneMessage,
)
from maya_sim.node_classes import (  # noqa: F401
    MFn,
    MFnDependencyNode,
    MItDependencyNodes,
    MObject,
    MSelectionList,
)


def maya_useNewAPI():
    """Plug-ins say with this name which API they are written for."""
