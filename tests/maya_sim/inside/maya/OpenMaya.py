"""`maya.OpenMaya`, the first of Maya's two Python APIs: messages, and a little about nodes."""

from maya_sim.messages import (  # noqa: F401
    MCommandMessage,
    MEventMessage,
    MFileIO,
    MFileObject,
    MMessage,
    MScriptUtil,
)
from maya_sim.messages import MGlobal1 as MGlobal  # noqa: F401
from maya_sim.messages import MSceneMessage1 as MSceneMessage  # noqa: F401
from maya_sim.node_classes import MFn, MItDependencyNodes, MObject  # noqa: F401
from maya_sim.node_classes import MFnDependencyNode1 as MFnDependencyNode  # noqa: F401
from maya_sim.node_classes import MSelectionList1 as MSelectionList  # noqa: F401
