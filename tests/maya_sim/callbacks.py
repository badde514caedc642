"""Who wants to be told what: scene messages, checks, events, script jobs, Script Editor output.

Invariant: a callback's error shows in the Script Editor and reaches nobody else. Who is told of a
thing is a tuple that is made anew when somebody comes or goes: telling nobody costs nothing.
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
KINDS = ("scene", "check", "event", "job", "output")


class Callbacks:
    def __init__(self, loop):
        self._loop = loop
        self._ids = itertools.count(1)
        self._entries = {}
        # (kind, name) → who is told, as tuples of id, function and data.
        self._told = {}
        self._outputs = ()
        self._lock = threading.Lock()
        self._selection_told = True

    def add(self, kind, name, function, data):
        """`kind` is one of KINDS; gives back the id to remove it with."""
        with self._lock:
            entry = next(self._ids)
            self._entries[entry] = (kind, name, function, data)
            self._sort(kind, name)
        return entry

    def remove(self, entry):
        with self._lock:
            removed = self._entries.pop(entry, None)
            if removed is None:
                raise RuntimeError("(kInvalidParameter): No callback with this id is registered")
            self._sort(*removed[:2])

    def listed(self, kind):
        with self._lock:
            return {i: e[1:] for i, e in self._entries.items() if e[0] == kind}

    def count(self):
        with self._lock:
            kinds = [entry[0] for entry in self._entries.values()]
        return {kind: kinds.count(kind) for kind in KINDS}

    def fire_scene(self, message):
        for entry, function, data in self._told.get(("scene", message), ()):
            self._run(entry, function, data)

    def check(self, message, *arguments):
        """True when nobody refuses. All are asked; one that raises does not refuse."""
        agreed = True
        for entry, function, data in self._told.get(("check", message), ()):
            answer = self._run(entry, function, *arguments, data)
            agreed = agreed and (answer is _FAILED or bool(answer))
        return agreed

    def fire_event(self, event):
        for entry, function, data in self._told.get(("event", event), ()):
            self._run(entry, function, data)
        for entry, function, once in self._told.get(("job", event), ()):
            if not once:
                self._run(entry, function)
            elif entry in self._entries:
                self.remove(entry)
                function()

    def selection_changed(self):
        """Told when Maya is idle, once for any number of changes in between."""
        if self._selection_told:
            self._selection_told = False
            self._loop.post(self._tell_selection)

    def output(self, text, message_type):
        for entry, function, data in self._outputs:
            self._run(entry, function, text, message_type, data)

    def _tell_selection(self):
        self._selection_told = True
        self.fire_event("SelectionChanged")

    def _sort(self, kind, name):
        told = tuple(
            (i, function, data)
            for i, (k, n, function, data) in self._entries.items()
            if (k, n) == (kind, name)
        )
        self._told[kind, name] = told
        if kind == "output":
            self._outputs = told

    def _run(self, entry, function, *arguments):
        if entry not in self._entries:  # Removed by one that ran before it.
            return _FAILED
        try:
            return function(*arguments)
        except Exception:
            traceback.print_exc(file=sys.stderr)
        return _FAILED


_FAILED = object()
