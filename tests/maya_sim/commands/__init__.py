"""The commands of `maya.cmds` that the stand-in has, and no others.

Invariant: an unknown command is an AttributeError and an unknown flag a TypeError, as in Maya.
"""

# Importing them registers their commands in TABLE.
from . import files, nodes, ports, session, undoing, viewport  # noqa: F401
from .registry import TABLE  # noqa: F401
