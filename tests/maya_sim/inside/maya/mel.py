"""`maya.mel`: eval, on the main thread."""

from maya_sim.mel import evaluate as eval  # noqa: F401
