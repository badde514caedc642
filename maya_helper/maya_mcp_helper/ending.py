"""Ends the run's own code from within a callback that it led to.

Invariant: what is traced is the run's frames alone, until the first of them goes on; where somebody
traces already, a debugger, nothing happens.
"""

import linecache
import re
import sys

from .errors import OURS

TURNS = re.compile(r"\.\s?exec_?\s?\(|process\w{0,9}Events|qWait")  # Qt's event loop.
RUNS = "<maya-mcp "  # How the names of the sources of runs begin.


def raise_in(frames, error):
    """Raises the error in the first of these frames that goes on, in its next instruction.

    An exception that is raised right here would be Maya's, which called us, and go no further.
    Frames are traced for that, as a debugger does it; with one in place nothing happens, for Python
    takes away the trace function, whosever it is, when one raises.
    """
    if not frames or sys.gettrace() is not None:
        return

    def nothing(_frame, _event, _told):
        return None

    def end(_frame, _event, _told):
        for traced in frames:
            if traced.f_trace is end:
                _trace(traced, None)
        if sys.gettrace() is nothing:
            raise error

    for frame in frames:
        _trace(frame, end)
    sys.settrace(nothing)


def frames_of_the_run():
    """From the innermost that is not ours out to the run's own code, or none."""
    frame = sys._getframe()
    found = []
    count = 0  # Of those which the run's own code is among.
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(OURS):
            found.append(frame)
        if name.startswith(RUNS):
            count = len(found)
        frame = frame.f_back
    return found[:count]


def turns_the_loop(frame):
    """Whether the line that this frame is in says that it turns Qt's event loop."""
    try:
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    except Exception:  # A source that cannot be read.
        return False
    return TURNS.search(line[:1000]) is not None


def _trace(frame, function):
    frame.f_trace = function
    if hasattr(frame, "f_trace_opcodes"):  # More may stand in the same line.
        frame.f_trace_opcodes = function is not None
