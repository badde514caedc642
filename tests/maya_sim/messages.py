"""The OpenMaya classes about callbacks and messages, for both APIs.

Invariant: a callback gets exactly the arguments that Maya gives: client data, and for output
text and type before it. The first API hands a check its answer to fill in, the second takes it.
"""

from . import scene as scenes
from .callbacks import EVENTS
from .node_classes import MSelectionList, select_nodes
from .running import maya

# In Maya's order, which gives each its number. Those that end in Check are for addCheckCallback.
SCENE_MESSAGES = (
    "kSceneUpdate", "kBeforeNew", "kAfterNew", "kBeforeImport", "kAfterImport", "kBeforeOpen",
    "kAfterOpen", "kBeforeFileRead", "kAfterFileRead", "kAfterSceneReadAndRecordEdits",
    "kBeforeExport", "kAfterExport", "kBeforeSave", "kAfterSave", "kBeforeReference",
    "kAfterReference", "kBeforeRemoveReference", "kAfterRemoveReference",
    "kBeforeImportReference", "kAfterImportReference", "kBeforeExportReference",
    "kAfterExportReference", "kBeforeUnloadReference", "kAfterUnloadReference",
    "kBeforeSoftwareRender", "kAfterSoftwareRender", "kBeforeSoftwareFrameRender",
    "kAfterSoftwareFrameRender", "kSoftwareRenderInterrupted", "kMayaInitialized", "kMayaExiting",
    "kBeforeNewCheck", "kBeforeOpenCheck", "kBeforeSaveCheck", "kBeforeImportCheck",
    "kBeforeExportCheck", "kBeforeLoadReference", "kAfterLoadReference",
    "kBeforeLoadReferenceCheck", "kBeforeReferenceCheck", "kBeforePluginLoad",
    "kAfterPluginLoad", "kBeforePluginUnload", "kAfterPluginUnload", "kBeforeCreateReference",
    "kAfterCreateReference", "kExportStarted", "kBeforeLoadReferenceAndRecordEdits",
    "kAfterLoadReferenceAndRecordEdits", "kBeforeCreateReferenceAndRecordEdits",
    "kAfterCreateReferenceAndRecordEdits",
)  # fmt: skip
# Checks about a file: addCheckFileCallback takes these too, and gives the file to the callback.
FILE_CHECKS = (
    "kBeforeOpenCheck", "kBeforeImportCheck", "kBeforeExportCheck", "kBeforeReferenceCheck",
    "kBeforeLoadReferenceCheck",
)  # fmt: skip


class MMessage:
    @staticmethod
    def removeCallback(callback_id):
        maya.callbacks.remove(callback_id)

    @staticmethod
    def removeCallbacks(callback_ids):
        for callback_id in callback_ids:
            maya.callbacks.remove(callback_id)


class _SceneMessages(MMessage):
    @staticmethod
    def addCallback(message, function, clientData=None):
        _require_callable(function)
        name = _message(message)
        if name.endswith("Check"):
            raise RuntimeError(f"(kInvalidParameter): {name} is for addCheckCallback")
        return maya.callbacks.add("scene", name, function, clientData)


for _number, _name in enumerate(SCENE_MESSAGES):
    setattr(_SceneMessages, _name, _number)
_SceneMessages.kBeforeCreateReferenceCheck = _SceneMessages.kBeforeReferenceCheck


class MSceneMessage(_SceneMessages):
    """Of the second API: a check gives its answer back."""

    @staticmethod
    def addCheckCallback(message, function, clientData=None):
        return _add_check(message, lambda path, data: function(data), function, clientData)

    @staticmethod
    def addCheckFileCallback(message, function, clientData=None):
        def call(path, data):
            return function(MFileObject(path), data)

        return _add_check(message, call, function, clientData, FILE_CHECKS)


class MSceneMessage1(_SceneMessages):
    """Of the first API: a check writes its answer where `retCode` points; untouched it is true."""

    @staticmethod
    def addCheckCallback(message, function, clientData=None):
        def call(path, data):
            answer = BoolPointer()
            function(answer, data)
            return answer.value

        return _add_check(message, call, function, clientData)

    @staticmethod
    def addCheckFileCallback(message, function, clientData=None):
        def call(path, data):
            answer = BoolPointer()
            function(answer, MFileObject(path), data)
            return answer.value

        return _add_check(message, call, function, clientData, FILE_CHECKS)


class BoolPointer:
    """What stands for a `bool *` in the first API. Only MScriptUtil can write to it."""

    value = True


class MScriptUtil:
    @staticmethod
    def setBool(pointer, value):
        if not isinstance(pointer, BoolPointer):
            raise TypeError("in method 'MScriptUtil_setBool', argument 1 of type 'bool &'")
        pointer.value = bool(value)


class MFileObject:
    def __init__(self, path=""):
        self._path = path

    def rawFullName(self):
        return self._path

    def resolvedFullName(self):
        return self._path


def _add_check(message, call, function, data, known=None):
    _require_callable(function)
    name = _message(message)
    if not name.endswith("Check") or (known and name not in known):
        raise RuntimeError(f"(kInvalidParameter): {name} cannot be checked in this way")
    return maya.callbacks.add("check", name, call, data)


def _message(number):
    if not isinstance(number, int) or not 0 <= number < len(SCENE_MESSAGES):
        raise TypeError(f"not a scene message: {number!r}")
    return SCENE_MESSAGES[number]


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


class _Global:
    kInteractive, kBatch = 0, 1
    kReplaceList, kXORWithList, kAddToList, kRemoveFromList = range(4)

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
        return int(maya.options.batch)

    @staticmethod
    def mayaVersion():
        return maya.options.version


class MGlobal(_Global):
    """Of the second API: what is asked for is given back."""

    @staticmethod
    def getActiveSelectionList(orderedSelectionIfAvailable=False):
        return MSelectionList(maya.scene.selection)

    @staticmethod
    def setActiveSelectionList(selection, listAdjustment=0):
        select_nodes(selection, listAdjustment)


class MGlobal1(_Global):
    """Of the first API: what is asked for is written into what was given."""

    @staticmethod
    def getActiveSelectionList(destination, orderedSelectionIfAvailable=False):
        destination.fill(maya.scene.selection)

    @staticmethod
    def setActiveSelectionList(selection, listAdjustment=0):
        select_nodes(selection, listAdjustment)


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
