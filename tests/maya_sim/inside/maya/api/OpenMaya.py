"""`maya.api.OpenMaya`, the second of Maya's two Python APIs: callbacks and messages only."""

from maya_sim.messages import (  # noqa: F401
    MCommandMessage,
    MEventMessage,
    MGlobal,
    MMessage,
    MSceneMessage,
)


def maya_useNewAPI():
    """Plug-ins say with this name which API they are written for."""
