"""The OpenMaya classes about callbacks and messages, shared by both APIs.

Invariant: a callback gets exactly the arguments that Maya gives: client data, and for output
text and type before it.
"""

from . import scene as scenes
from .callbacks import EVENTS
from .running import maya

SCENE_MESSAGES = (
    "kSceneUpdate", "kBeforeNew", "kAfterNew", "kBeforeImport", "kAfterImport", "kBeforeOpen",
    "kAfterOpen", "kBeforeExport", "kAfterExport", "kBeforeSave", "kAfterSave",
    "kBeforeReference", "kAfterReference", "kMayaInitialized", "kMayaExiting",
)  # fmt: skip


class MMessage:
    @staticmethod
    def removeCallback(callback_id):
        maya.callbacks.remove(callback_id)

    @staticmethod
    def removeCallbacks(callback_ids):
        for callback_id in callback_ids:
            maya.callbacks.remove(callback_id)


class MSceneMessage(MMessage):
    @staticmethod
    def addCallback(message, function, clientData=None):
        _require_callable(function)
        if not isinstance(message, int) or not 0 <= message < len(SCENE_MESSAGES):
            raise TypeError(f"not a scene message: {message!r}")
        return maya.callbacks.add("scene", SCENE_MESSAGES[message], function, clientData)


for _number, _name in enumerate(SCENE_MESSAGES):
    setattr(MSceneMessage, _name, _number)


class MEventMessage(MMessage):
    @staticmethod
    def addEventCallback(event, function, clientData=None):
        _require_callable(function)
        if event not in EVENTS:
            raise RuntimeError(f"(kInvalidParameter): Event {event!r} is unknown")
        return maya.callbacks.add("event", event, function, clientData)


class MCommandMessage(MMessage):
    kHistory, kDisplay, kInfo, kWarning, kError, kResult, kStackTrace = range(7)

    @staticmethod
    def addCommandOutputCallback(function, clientData=None):
        _require_callable(function)
        return maya.callbacks.add("output", "output", function, clientData)


class MGlobal:
    kInteractive, kBatch = 0, 1

    @staticmethod
    def displayInfo(text):
        maya.script_editor.show("info", f"// {text}\n")

    @staticmethod
    def displayWarning(text):
        maya.script_editor.show("warning", f"// Warning: {text}\n")

    @staticmethod
    def displayError(text):
        maya.script_editor.show("error", f"// Error: {text}\n")

    @staticmethod
    def mayaState():
        return MGlobal.kBatch if maya.options.batch else MGlobal.kInteractive

    @staticmethod
    def mayaVersion():
        return maya.options.version


class MFileIO:
    @staticmethod
    def currentFile():
        return maya.scene.path

    @staticmethod
    def newFile(force=False):
        if maya.scene.modified and not force:
            raise RuntimeError("(kFailure): Unsaved changes")
        scenes.new()

    @staticmethod
    def open(path):
        scenes.open_file(path)

    @staticmethod
    def save():
        scenes.save()


def _require_callable(function):
    if not callable(function):
        raise TypeError("a callback must be callable")
