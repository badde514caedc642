"""The runtime commands of the File menu, and `quit`: those that ask the artist.

Invariant: unsaved changes are asked about first, in a window that holds the main thread until
somebody answers; Cancel there is no error, the command just does nothing.
"""

import os

from .. import scene as scenes
from ..running import maya
from .registry import command

SAVE_TITLE = "Warning: Scene Not Saved"
SAVE, DISCARD, CANCEL = "Save", "Don't Save", "Cancel"


def save_changes():
    """What MEL's saveChanges asks. False when the artist wants to stay with the scene."""
    if not maya.scene.modified:
        return True
    text = f"Save changes to {maya.scene.path or 'untitled scene'}?"
    answer = maya.dialogs.ask(SAVE_TITLE, text, [SAVE, DISCARD, CANCEL], SAVE, CANCEL)
    if answer == SAVE:
        return _save()
    return answer == DISCARD


@command()
def NewScene():
    _require_window("NewScene")
    if save_changes():
        scenes.new()


@command()
def OpenScene():
    """Asks which file even when there are no changes."""
    _require_window("OpenScene")
    if save_changes():
        path = _ask_for_file("Open", "Open")
        if path:
            scenes.open_file(path)


@command()
def SaveScene():
    """A scene without a name asks for one."""
    _require_window("SaveScene")
    _save()


@command()
def SaveSceneAs():
    _require_window("SaveSceneAs")
    _save_as()


@command()
def Quit():
    _require_window("Quit")
    _quit(0, ask=True)


@command("force=f", "abort=a", "exitCode=ec:")
def quit_(**flags):
    """Asks at once, and ends at the next idle moment: the port that asked for it still answers."""
    forced = flags.get("force") or flags.get("abort") or maya.options.batch
    _quit(int(flags.get("exitCode") or 0), ask=not forced)


def _quit(code, ask):
    if not ask or save_changes():
        maya.loop.script(lambda: maya.faults.leave(code))


def _save():
    if not maya.scene.path:
        return _save_as()
    scenes.save()
    return True


def _save_as():
    path = _ask_for_file("Save As", "Save As")
    if not path:
        return False
    scenes.rename(path)
    scenes.save()
    return True


def _ask_for_file(title, button):
    """The path that was typed, or None. The button alone is as good as Cancel."""
    answer = maya.dialogs.ask(title, "", [button, CANCEL], CANCEL, CANCEL)
    return answer if os.path.isabs(answer) else None


def _require_window(name):
    if maya.options.batch:
        raise RuntimeError(f"{name} needs Maya's window.")
