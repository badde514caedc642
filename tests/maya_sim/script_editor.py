"""What the artist sees: everything printed inside Maya, in order, with what kind of line it was.

Invariant: nothing that code inside Maya prints reaches the process's real streams.
"""

import sys
import threading

# MCommandMessage.MessageType, by the numbers that Maya gives to callbacks.
TYPES = {"history": 0, "output": 1, "info": 2, "warning": 3, "error": 4, "result": 5, "trace": 6}


class ScriptEditor:
    def __init__(self):
        self._lines = []
        self._lock = threading.Lock()
        self.listener = lambda text, message_type: None
        # A window that shows it, if the artist has it open.
        self.window = None

    def show(self, kind, text):
        with self._lock:
            self._lines.append((kind, text))
        self.listener(text, TYPES[kind])
        if self.window is not None:
            self.window.add(kind, text)

    def since(self, position=0):
        """Output and errors apart, so that a test can say: nobody printed an error here."""
        with self._lock:
            lines = self._lines[position:]
            end = len(self._lines)
        of = {kind: "".join(text for k, text in lines if k == kind) for kind in TYPES}
        return {
            "position": end,
            "output": of["output"] + of["info"] + of["result"],
            "warnings": of["warning"],
            "errors": of["error"] + of["trace"],
            "lines": [{"kind": kind, "text": text} for kind, text in lines],
        }


def replace_streams(editor):
    """Puts Maya's poor streams in the place of Python's. Returns nothing to go back to."""
    sys.stdout = Output(editor, "output")
    sys.stderr = Output(editor, "error")
    sys.stdin = Input()
    # In Maya on Windows there is no console, so the originals are None. Code that falls back on
    # them must not find a comfort here that it would miss there.
    sys.__stdin__ = sys.__stdout__ = sys.__stderr__ = None


class Output:
    """As `maya.Output`: write and flush, and nothing else (no isatty, fileno, encoding, buffer)."""

    __slots__ = ("_show",)
    __module__ = "maya"

    def __init__(self, editor, kind):
        self._show = lambda text: editor.show(kind, text)

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._show(text)

    def flush(self):
        pass


class Input:
    """As `maya.Input`: nobody types there."""

    __slots__ = ()
    __module__ = "maya"

    def readline(self):
        return ""
