"""Stops Python code that is running on the main thread.

Invariant: a stop is raised only while its own job runs, and none is left behind: the lock that
guards the raising also guards the end of the job, where a stop not yet delivered is taken back.
One long call inside Maya's C++ cannot be interrupted; the stop is delivered when it returns. Where
what runs next is not the code, but a callback of ours, the code gets it when it goes on.
"""

import functools
import sys
import threading
import time

from . import ending

INSIST_S = 1.0  # A stop that a callback or a bare `except:` swallowed is repeated after this,
BACK_EDGES = 1000  # One is enough for what was raised to arrive.
INSIST_LESS = 2.0  # and then ever less often, so that long cleaning up gets done.


class Stop(BaseException):
    """Not an Exception, so that `except Exception` in the artist's code lets it through."""

    __module__ = "builtins"  # Told by its bare name, like its kinds below.
    made = 0  # One is made when it is caught: it has been delivered then.

    def __init__(self, *args):
        super().__init__(*args)
        Stop.made += 1


class Cancelled(Stop):
    """Somebody asked for the end of the job."""

    __module__ = "builtins"

    def __str__(self):
        return "the code was stopped on request"


class TimedOut(Stop):
    """The job took longer than it was given."""

    __module__ = "builtins"

    def __str__(self):
        return "the code ran for longer than its timeout and was stopped"


class _TakenBack(BaseException):
    """Delivered in the place of a stop that is not wanted any more."""


def can_stop():
    """Whether this Python lets one thread stop another."""
    return _setter() is not None


@functools.lru_cache(maxsize=None)
def _setter():
    """Raises an exception class in a thread; loaded when needed."""
    try:
        import ctypes

        set_async_exc = ctypes.pythonapi.PyThreadState_SetAsyncExc
    except (ImportError, AttributeError):  # Another Python than CPython.
        return None

    def set_in(thread, kind):
        set_async_exc(ctypes.c_ulong(thread), ctypes.py_object(kind))

    return set_in


class Interrupt:
    """Runs one job at a time, on the main thread, such that another thread can stop it."""

    def __init__(self, on_insist, wake, ring):
        self._on_insist = on_insist  # Is told of a job that has not stopped, and its thread.
        self._wake = wake  # Lets whoever calls remind() look at the clock anew.
        self._ring = ring  # Lets the main thread come by hold_off().
        self._lock = threading.RLock()
        self._job = None  # The one that runs: the only one a stop is raised in.
        self._thread = 0
        self._deadline = None  # When to raise the next stop,
        self._kind = None  # which one,
        self._pause = 0.0  # and how long to wait before it is repeated.
        self._raised = False  # There may be one to take back.
        self._made = 0  # How many stops had been made by then.
        self._owed = None  # The kind of one that the code has to get yet.

    def run(self, job, work):
        """Calls work() as that job. Gives the Stop that came out of it, or None."""
        stopped = None
        try:
            try:
                self._arm(job)
                work()
                self._disarm()
            except Stop as stop:
                stopped = stop
        finally:
            self._settle()
        return stopped

    def stop(self, job, kind):
        """Stops that job, now or as soon as it begins. From any thread."""
        with self._lock:
            job.stop = kind
            if self._job is job:
                self._kind = kind
                self._pause = INSIST_S
                self._raise(time.monotonic())

    def remind(self, now):
        """Raises the stop that is due. Gives the time of the next one, or None. From any thread."""
        with self._lock:
            if self._deadline is not None and now >= self._deadline:
                if self._raised:
                    self._on_insist(self._job, self._thread)
                self._raise(now)
            return self._deadline

    def hold_off(self, function):
        """Calls a function of ours in the middle of a job such that no stop arrives in it.

        A stop already on its way is taken back; the code gets it when it goes on.
        """
        while True:
            try:
                with self._lock:
                    self._take_back()
                    function()
                break
            except Stop as stop:  # It came before it could be taken back, so before function().
                self.owe(stop)
        self._pay()

    def owe(self, stop):
        """A stop was swallowed where it must not be raised. On the main thread."""
        if self._job is not None and isinstance(stop, Stop):
            self._owed = type(stop)

    def _pay(self):
        # Code that opens one scene after the other is in our callbacks whenever a stop arrives.
        kind, self._owed = self._owed, None
        if kind is not None:
            # With a debugger in place nothing comes of it; then it is repeated later.
            ending.raise_in(ending.frames_of_the_run(), kind())

    def _arm(self, job):
        with self._lock:
            self._job = job
            self._thread = threading.get_ident()
            self._kind = TimedOut
            self._pause = INSIST_S
            now = time.monotonic()
            self._deadline = None if job.timeout_s is None else now + job.timeout_s
            if job.stop is not None:  # Asked for between its turn and here.
                self._kind = job.stop
                self._raise(now)
        if job.timeout_s is not None:
            self._wake()

    def _disarm(self):
        with self._lock:
            self._job = None
            self._deadline = None
            self._take_back()
            self._raised = False
            self._owed = None

    def _settle(self):
        """Disarms, whatever happens: a stop may still be delivered between any two steps."""
        while True:
            try:
                self._disarm()
                return
            except Stop:
                continue

    def _raise(self, now):
        setter = _setter()
        self._made = Stop.made
        if self._turns_the_loop():
            # What runs next there is whoever the loop calls, us among them, and not the code.
            self._owed = self._kind
            self._ring()
        elif setter is not None:
            setter(self._thread, self._kind)
        self._raised = True
        self._deadline = now + self._pause
        self._pause *= INSIST_LESS

    def _turns_the_loop(self):
        frame = sys._current_frames().get(self._thread)
        return frame is not None and ending.turns_the_loop(frame)

    def _take_back(self):
        """A stop on its way to this thread gives way to one that is caught right here.

        CPython can take one back without that, but goes on looking for it from then on: all code
        is slower, and in some releases the next function hangs that a debugger looks at.
        """
        if not self._raised or _setter() is None:
            return
        if Stop.made == self._made:
            self._owed = self._kind
        try:
            _setter()(threading.get_ident(), _TakenBack)
            for _ in range(BACK_EDGES):
                pass
        except _TakenBack:
            pass
