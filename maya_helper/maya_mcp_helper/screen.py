"""What Maya shows in its Script Editor beside Python's own printing: MEL, warnings, results.

Invariant: Maya is asked to tell only while somebody listens. Everything runs on the main thread.
"""

import importlib
import threading

from . import callbacks

# MCommandMessage's name of a kind of line -> the stream it is told as.
STREAMS = {
    "kDisplay": "info",
    "kInfo": "info",
    "kResult": "result",
    "kWarning": "warning",
    "kError": "error",
    "kStackTrace": "error",
}


class Listening:
    """From its making to end(), an Output gets what is shown."""

    def __init__(self, output):
        self._message = None
        self._numbers = ()
        for name in ("maya.api.OpenMaya", "maya.OpenMaya"):
            try:
                message = importlib.import_module(name).MCommandMessage
                self._numbers = (message.addCommandOutputCallback(_listener(output, message)),)
                self._message = message
                return
            except Exception:  # A Maya that cannot tell: Python's own printing is still heard.
                continue

    def end(self):
        """Maya need not tell any more."""
        callbacks.remove(self._message, self._numbers)
        self._numbers = ()


def _listener(output, message):
    streams = {getattr(message, kind): stream for kind, stream in STREAMS.items()}
    main = threading.get_ident()

    def shown(text, kind, _data=None):
        if output.onward.passing:  # First, for every print comes by here.
            return
        try:
            stream = streams.get(kind)
            if stream is not None and threading.get_ident() == main:
                output.onward.flush()
                output.add(stream, text if text.endswith("\n") else text + "\n")
        except BaseException:  # A stop that arrives here is repeated. (One at the first instruction
            pass  # goes by: Maya shows it, and one line is missed.)

    return shown
