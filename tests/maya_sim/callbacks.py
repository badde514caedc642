"""Who wants to be told what: scene messages, events, script jobs and Script Editor output.

Invariant: a callback's error shows in the Script Editor and reaches nobody else.
"""

import itertools
import sys
import threading
import traceback

# The names that MEventMessage and scriptJob know. Anything else is an error to Maya.
EVENTS = frozenset(
    {
        "SelectionChanged", "NameChanged", "SceneOpened", "SceneSaved", "NewSceneOpened",
        "PostSceneRead", "Undo", "Redo", "timeChanged", "idle", "quitApplication",
        "DagObjectCreated", "workspaceChanged", "playbackRangeChanged", "linearUnitChanged",
        "angularUnitChanged", "timeUnitChanged", "ToolChanged",
    }
)  # fmt: skip


class Callbacks:
    def __init__(self, loop):
        self._loop = loop
        self._ids = itertools.count(1)
        self._entries = {}
        self._lock = threading.Lock()
        self._selection_told = True

    def add(self, kind, name, function, data):
        """`kind` is scene, event, job or output; gives back the id to remove it with."""
        with self._lock:
            entry = next(self._ids)
            self._entries[entry] = (kind, name, function, data)
        return entry

    def remove(self, entry):
        with self._lock:
            if self._entries.pop(entry, None) is None:
                raise RuntimeError("(kInvalidParameter): No callback with this id is registered")

    def listed(self, kind):
        with self._lock:
            return {i: e[1:] for i, e in self._entries.items() if e[0] == kind}

    def count(self):
        with self._lock:
            kinds = [entry[0] for entry in self._entries.values()]
        return {kind: kinds.count(kind) for kind in ("scene", "event", "job", "output")}

    def fire_scene(self, message):
        for entry, (name, function, data) in self.listed("scene").items():
            if name == message:
                self._run(entry, lambda f=function, d=data: f(d))

    def fire_event(self, event):
        for entry, (name, function, data) in self.listed("event").items():
            if name == event:
                self._run(entry, lambda f=function, d=data: f(d))
        for entry, (name, function, once) in self.listed("job").items():
            if name == event:
                if once:
                    self.remove(entry)
                    function()
                else:
                    self._run(entry, function)

    def selection_changed(self):
        """Told when Maya is idle, once for any number of changes in between."""
        if self._selection_told:
            self._selection_told = False
            self._loop.post(self._tell_selection)

    def output(self, text, message_type):
        for entry, (_, function, data) in self.listed("output").items():
            self._run(entry, lambda f=function, d=data: f(text, message_type, d))

    def _tell_selection(self):
        self._selection_told = True
        self.fire_event("SelectionChanged")

    def _run(self, entry, call):
        with self._lock:
            if entry not in self._entries:  # Removed by one that ran before it.
                return
        try:
            call()
        except Exception:
            traceback.print_exc(file=sys.stderr)
