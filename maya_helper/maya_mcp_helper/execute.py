"""One `execute`, on the main thread: run, collect, present.

Invariant: whatever the code does, it gives an outcome, Maya has its streams back, and what it
changed is one undo step.
"""

import importlib
import time

from . import frames, languages, methods, progress, values
from .errors import describe
from .guard import UnsavedChanges
from .output import Streams
from .screen import Listening

UNDO_NAME = "Maya MCP"
# Bytes of JSON. A list of as many small numbers takes fifty times as much to read.
LARGEST_RESULT = 16 << 20


class Runner:
    """What every run needs, and gives back. On the main thread."""

    def __init__(self, interrupt, guard, new_output):
        self._interrupt = interrupt
        self._guard = guard
        self._new_output = new_output

    def run(self, job, namespace):
        """Runs the job; gives the frame that answers it. Its output is on its way by then."""
        request = job.params
        outcome = Outcome()
        waited = job.waited_ms()
        started = time.perf_counter()
        try:
            stopped, refused = self._guarded(
                job, request.code, request.unsaved, lambda: outcome.come_about(job, namespace)
            )
            if stopped is not None:  # After the code's own end, or while its error was told.
                outcome.end_with(stopped)
            if refused is not None:
                outcome.end_because_of(refused)
        except UnsavedChanges as asked:  # Before it began.
            outcome.end_with(asked)
        finally:
            duration = round((time.perf_counter() - started) * 1000.0, 3)
            progress.end(job)
            dropped = job.output.finish()
        times = {"duration_ms": duration, "waited_ms": waited}
        return _answer(job, outcome, dict(times, dropped=dropped))

    def perform(self, job):
        """Does another method that runs the artist's code; gives its Reply, or raises."""
        replies = []
        try:
            stopped, refused = self._guarded(
                job,
                str(job.params.get("code")),
                "refuse",
                lambda: replies.append(methods.perform(job.method, job.params)),
            )
        finally:
            job.output.finish()
        if refused or stopped:
            raise refused or stopped
        return replies[0]

    def _guarded(self, job, code, unsaved, work):
        """Does the work as what it is: code that may print, hang, and close the scene.

        Gives the Stop that ended it, and the changes that it would have lost.
        """
        job.output = self._new_output(job)
        self._guard.begin(code, unsaved)
        try:
            stopped = self._in_maya(job, work)
        finally:
            refused = self._guard.end()
        return stopped, refused

    def _in_maya(self, job, work):
        """Does the work with our streams, as one undo step. Gives the Stop that ended it."""
        listening = Listening(job.output)
        try:
            streams = Streams(job.output)
            try:
                _undo_info(openChunk=True, chunkName=_undo_name(job))
                try:
                    return self._interrupt.run(job, work)
                finally:
                    _undo_info(closeChunk=True)
            finally:
                streams.restore()
        finally:
            listening.end()


def without_running(job, error):
    """The frame that answers a job which did not run, and why."""
    outcome = Outcome()
    outcome.end_with(error)
    times = {"duration_ms": 0.0, "waited_ms": job.waited_ms()}
    return _answer(job, outcome, dict(times, dropped=0))


class Outcome:
    """What came of the code: the JSON text of its value, or an error."""

    def __init__(self):
        self.result = "null"
        self.error = None

    def come_about(self, job, namespace):
        """Runs the code. Only a second stop, while the first is being told, leaves this."""
        request = job.params
        try:
            value = languages.run(request.language, request.code, namespace, job)
            if value is not languages.NO_VALUE:
                self.result = values.present(value, request.result_type)
        except BaseException as error:  # A SystemExit too: it must not end Maya.
            self.end_with(error)

    def end_with(self, error):
        """The error becomes the outcome."""
        self.error = describe(error)
        self.result = "null"

    def end_because_of(self, error):
        """The error becomes the outcome; where it struck, the code's own traceback tells."""
        code_error = self.error
        self.end_with(error)
        if code_error:
            self.error["traceback"] = code_error["traceback"]


def _answer(job, outcome, rest):
    rest["error"] = outcome.error
    # The value is text already; it is not taken apart and put together once more.
    value = frames.utf8(outcome.result)
    if len(value) > LARGEST_RESULT:
        outcome.end_with(ResultTooLarge())
        return _answer(job, outcome, rest)
    before, behind = f'{{"id":{job.number},"result":{{"result":', frames.dumps(rest)[1:] + "}"
    return frames.pack((before, value, "," + behind))


class ResultTooLarge(Exception):
    """The value does not fit into a frame."""

    __module__ = "builtins"

    def __str__(self):
        return "the result is larger than 16 MiB; return less, or write it to a file"


def _undo_name(job):
    if job.undo_name:
        return job.undo_name
    return f"{UNDO_NAME} ({job.link.client})" if job.link.client else UNDO_NAME


def _undo_info(**flags):
    try:
        importlib.import_module("maya.cmds").undoInfo(**flags)
    except Exception:  # A Maya without undo, or on its way out: the code runs all the same.
        pass
