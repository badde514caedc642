"""The commands of `maya.cmds` that the stand-in has, and no others.

Invariant: an unknown command is an AttributeError and an unknown flag a TypeError, as in Maya.
"""

# Importing them registers their commands in TABLE.
from . import (  # noqa: F401
    attributes,
    files,
    listing,
    menu,
    nodes,
    panels,
    plugins,
    ports,
    session,
    undoing,
    viewport,
)
from .registry import TABLE  # noqa: F401
