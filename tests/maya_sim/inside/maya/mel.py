"""`maya.mel`: eval, on the main thread."""

from maya_sim.mel import MelError, evaluate


def eval(code):
    """As Maya does: whatever went wrong is a plain RuntimeError."""
    try:
        return evaluate(code)
    except MelError as error:
        raise RuntimeError(str(error)) from None
