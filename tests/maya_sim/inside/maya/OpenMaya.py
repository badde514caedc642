"""`maya.OpenMaya`, the first of Maya's two Python APIs: callbacks and messages only."""

from maya_sim.messages import (  # noqa: F401
    MCommandMessage,
    MEventMessage,
    MFileIO,
    MGlobal,
    MMessage,
    MSceneMessage,
)
