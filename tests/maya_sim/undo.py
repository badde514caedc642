"""Maya's undo queue: one entry for a command, or one for a whole chunk.

Invariant: an entry holds the scene before and after it, so undo and redo cannot drift apart.
"""

from contextlib import contextmanager

from .running import maya


class Undo:
    def __init__(self):
        self.flush()
        self.state = True

    def flush(self):
        self._done = []
        self._undone = []
        self._depth = 0
        self._chunk = None

    @contextmanager
    def step(self, name):
        """One undoable command. An error inside takes its half-done changes back."""
        before = maya.scene.snapshot()
        try:
            yield
        except BaseException:
            maya.scene.restore(before)
            raise
        maya.scene.modified = True
        if self._depth:
            self._chunk["changed"] = True
        else:
            self._push(name, before)

    def open_chunk(self, name):
        if self._depth == 0:
            self._chunk = {
                "name": name or "",
                "before": maya.scene.snapshot(),
                "changed": False,
            }
        self._depth += 1

    def close_chunk(self):
        # One too many does no harm in Maya; one too few leaves everything after it in one entry.
        if self._depth == 0:
            return
        self._depth -= 1
        if self._depth == 0 and self._chunk["changed"]:
            self._push(self._chunk["name"], self._chunk["before"])

    def undo(self):
        if not self._done:
            raise RuntimeError("There are no more commands to undo.")
        entry = self._done.pop()
        self._undone.append(entry)
        maya.scene.restore(entry[1])
        maya.callbacks.fire_event("Undo")

    def redo(self):
        if not self._undone:
            raise RuntimeError("There are no more commands to redo.")
        entry = self._undone.pop()
        self._done.append(entry)
        maya.scene.restore(entry[2])
        maya.callbacks.fire_event("Redo")

    @property
    def names(self):
        return [entry[0] for entry in self._done]

    @property
    def redo_names(self):
        return [entry[0] for entry in self._undone]

    @property
    def open_chunks(self):
        return self._depth

    def _push(self, name, before):
        if self.state:
            self._done.append((name, before, maya.scene.snapshot()))
            self._undone.clear()
