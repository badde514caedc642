"""Ends the run's own code from within a callback that it led to.

Invariant: what is traced is the run's frames alone, until the first of them goes on; where somebody
traces already, a debugger, nothing happens.
"""

import sys

RUNS = "<maya-mcp "  # How the names of the sources of runs begin.


def raise_when_it_goes_on(error):
    """Raises the error in the run's code, in its next instruction. False where that cannot be.

    An exception that is raised right here would be Maya's, which called us, and go no further.
    """
    frames = _frames_of_the_run()
    if not frames or sys.gettrace() is not None:
        return False

    def idle(_frame, _event, _told):
        return None

    def end(_frame, _event, _told):
        _let_go(frames, idle)
        raise error

    for frame in frames:
        _trace(frame, end)
    sys.settrace(idle)
    return True


def _let_go(frames, ours):
    for frame in frames:
        _trace(frame, None)
    if sys.gettrace() is ours:  # And not a debugger that has come since.
        sys.settrace(None)


def _trace(frame, function):
    frame.f_trace = function
    if hasattr(frame, "f_trace_opcodes"):  # More may stand in the same line.
        frame.f_trace_opcodes = function is not None


def _frames_of_the_run():
    """From the innermost that is not ours out to the run's own code; none where there is no such."""
    frame = sys._getframe()
    ours = frame.f_code.co_filename.rpartition("ending.py")[0]
    found = []
    count = 0  # Of those which the run's own code is among.
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(ours):
            found.append(frame)
        if name.startswith(RUNS):
            count = len(found)
        frame = frame.f_back
    return found[:count]
