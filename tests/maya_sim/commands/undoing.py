"""Commands about the undo queue.

Invariant: a file operation empties the queue; nothing else does.
"""

from ..running import maya
from .registry import command


@command(
    "query=q", "openChunk=ock", "closeChunk=cck", "chunkName=cn:", "undoName=un", "redoName=rn",
    "undoQueueEmpty=uqe", "redoQueueEmpty=rqe", "state=st:", "stateWithoutFlush=swf:",
    "printQueue=pq", "infinity=in:", "length=l:",
)  # fmt: skip
def undoInfo(**flags):
    undo = maya.undo
    if flags.get("query"):
        answers = {
            "undoName": undo.names[-1] if undo.names else "",
            "redoName": undo.redo_names[-1] if undo.redo_names else "",
            "undoQueueEmpty": not undo.names,
            "redoQueueEmpty": not undo.redo_names,
            "state": undo.state,
            "chunkName": "",
            "infinity": True,
            "length": 0,
        }
        asked = next((flag for flag in flags if flag in answers), None)
        if asked is None:
            raise RuntimeError("Must specify a flag to query.")
        return answers[asked]
    if flags.get("openChunk"):
        undo.open_chunk(flags.get("chunkName"))
    elif flags.get("closeChunk"):
        undo.close_chunk()
    elif "state" in flags:
        undo.state = bool(flags["state"])
        if not undo.state:
            undo.flush()
    elif "stateWithoutFlush" in flags:
        undo.state = bool(flags["stateWithoutFlush"])
    elif flags.get("printQueue"):
        for number, name in enumerate(undo.names, 1):
            maya.script_editor.show("info", f"// {number}: {name} //\n")
    return None


@command()
def undo():
    maya.undo.undo()


@command()
def redo():
    maya.undo.redo()
