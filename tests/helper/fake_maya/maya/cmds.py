"""The few commands the helper and its tests use."""

from . import check_thread, fire, show, state


def about(batch=False, version=False):
    check_thread()
    return state.batch if batch else "2025"


def file(
    query=False, sceneName=False, modified=False, new=False, open=False, save=False, rename=None
):
    check_thread()
    if query:
        return state.scene_path if sceneName else state.modified
    if rename is not None:
        state.scene_path = rename
    if new:
        state.scene_path = ""
        fire("after new")
    if save:
        state.modified = False
        fire("after save")
    if open:
        state.scene_path = open
        state.modified = False
        fire("after open")
    return state.scene_path


def undoInfo(openChunk=False, closeChunk=False, chunkName=""):
    check_thread()
    state.undo.append(("open", chunkName) if openChunk else ("close",))


def ls(selection=False, **_):
    check_thread()
    return list(state.selection) if selection else []


def warning(text):
    check_thread()
    show(3, f"# Warning: {text} #\n")
