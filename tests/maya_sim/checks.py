"""Those who may refuse what is done with a scene.

Invariant: when somebody refuses, nothing has been done yet. How Maya tells of it is not known well,
so `--refusal` chooses: an error, a window and then an error, or nothing at all.
"""

from .running import maya

CANCELLED = "File operation cancelled by user supplied callback."


def agreed(message, path=""):
    """`message` is one of the check messages of MSceneMessage."""
    if maya.callbacks.check(message, path):
        return True
    refusal = maya.options.refusal
    if refusal == "silent":
        return False
    if refusal == "window" and maya.prompt and not maya.options.batch:
        maya.dialogs.ask("Maya", CANCELLED, ["OK"], "OK", "OK")
    maya.script_editor.show("error", f"// Error: {CANCELLED} //\n")
    raise RuntimeError(CANCELLED)
