"""One `execute`, on the main thread: run, collect, present.

Invariant: whatever the code does, it gives an outcome, Maya has its streams back, and what it
changed is one undo step.
"""

import importlib
import time

from . import frames, languages, values
from .capture import Capture
from .errors import describe

DEFAULT_UNDO_NAME = "Maya MCP"


def execute(job, namespace, interrupt):
    """Runs the job; gives the frame that answers it."""
    request = job.request
    outcome = Outcome()
    capture = Capture()
    started = time.perf_counter()
    try:
        _undo_info(openChunk=True, chunkName=request.undo_name or DEFAULT_UNDO_NAME)
        try:
            stopped = interrupt.run(
                job, lambda: outcome.come_about(request, namespace), request.timeout_s
            )
        finally:
            _undo_info(closeChunk=True)
    finally:
        capture.restore()
    ended = time.perf_counter()
    if stopped is not None:  # It came after the code's own end, or while its error was told.
        outcome.end_with(stopped)
    stdout, stderr, dropped = capture.take()
    return _answer(
        job,
        outcome,
        {
            "stdout": stdout,
            "stderr": stderr,
            "duration_ms": _milliseconds(ended - started),
            "waited_ms": _milliseconds(started - job.received),
            "dropped": dropped,
        },
    )


def without_running(job, error):
    """The frame that answers a job which did not run, and why."""
    outcome = Outcome()
    outcome.end_with(error)
    waited = _milliseconds(time.perf_counter() - job.received)
    times = {"duration_ms": 0.0, "waited_ms": waited}
    return _answer(job, outcome, dict(times, stdout="", stderr="", dropped=0))


class Outcome:
    """What came of the code: the JSON text of its value, or an error."""

    def __init__(self):
        self.result = "null"
        self.error = None

    def come_about(self, request, namespace):
        """Runs the code. Only a second stop, while the first is being told, leaves this."""
        try:
            value = languages.run(request.language, request.code, namespace)
            if value is not languages.NO_VALUE:
                self.result = values.present(value, request.result_type)
        except BaseException as error:  # A SystemExit too: it must not end Maya.
            self.end_with(error)

    def end_with(self, error):
        """The error becomes the outcome."""
        self.error = describe(error)
        self.result = "null"


def _answer(job, outcome, rest):
    rest["error"] = outcome.error
    # The value is text already; it is not taken apart and put together once more.
    form = '{{"id":{},"result":{{"result":{},{}}}'
    frame = frames.pack(form.format(job.number, outcome.result, frames.dumps(rest)[1:]))
    if len(frame) <= frames.AFTER_WELCOME.json:
        return frame
    outcome.end_with(ResultTooLarge())
    return _answer(job, outcome, rest)


class ResultTooLarge(Exception):
    """The value does not fit into a frame."""

    __module__ = "builtins"

    def __str__(self):
        return "the result is larger than 64 MiB; return less, or write it to a file"


def _undo_info(**flags):
    try:
        importlib.import_module("maya.cmds").undoInfo(**flags)
    except Exception:  # A Maya without undo, or on its way out: the code runs all the same.
        pass


def _milliseconds(seconds):
    return round(seconds * 1000.0, 3)
