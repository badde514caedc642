"""The queue in front of Maya's main thread.

Invariant: a job is answered exactly once, and the clients take turns, so a client with a hundred
jobs keeps nobody else waiting for more than one.
"""

import collections
import threading
import time


class Job:
    """One request for the main thread, and where its answer goes."""

    reports = None  # Its Reports, once it has told of its progress; False when it has ended.

    def __init__(self, link, number, method, params, timeout_s=None, undo_name=""):
        self.link = link
        self.number = number
        self.method = method
        self.params = params
        self.timeout_s = timeout_s
        self.undo_name = undo_name
        self.received = time.perf_counter()
        self.output = None  # While it runs and prints.
        self.source = None  # The file name of its code, while that runs.
        self.stop = None  # The kind of stop that was asked for.

    @property
    def key(self):
        """What `cancel` calls it by."""
        return self.link, self.number

    def waited_ms(self):
        """For how long it has been here."""
        return round((time.perf_counter() - self.received) * 1000.0, 3)


class Jobs:
    """Jobs that wait, by client, and the one that runs."""

    def __init__(self):
        self._lock = threading.Lock()
        self._waiting = collections.OrderedDict()  # client -> deque of jobs; the first is next.
        self._running = None

    @property
    def running(self):
        """The job that runs, or None."""
        return self._running

    def add(self, job):
        """Puts a job at the end of its client's line; False if its number is taken."""
        with self._lock:
            if self._find(job.key) is not None:
                return False
            self._waiting.setdefault(job.link.client, collections.deque()).append(job)
            return True

    def start(self):
        """Takes the next job and makes it the running one; None when there is none."""
        with self._lock:
            if not self._waiting:
                return None
            client, line = next(iter(self._waiting.items()))
            self._running = line.popleft()
            del self._waiting[client]
            if line:
                self._waiting[client] = line  # To the back: the next client's turn.
            return self._running

    def finish(self):
        """No job runs any more. True when others wait."""
        with self._lock:
            self._running = None
            return bool(self._waiting)

    def withdraw(self, key):
        """(state, job): takes a waiting job off the queue, or points out the running one."""
        with self._lock:
            job = self._find(key)
            if job is None:
                return "unknown", None
            if job is self._running:
                return "running", job
            self._drop(job)
            return "waiting", job

    def withdraw_all_of(self, link):
        """Drops what waits for a link that has closed: nobody is there to be answered."""
        with self._lock:
            for job in list(self._all_waiting()):
                if job.link is link:
                    self._drop(job)

    def _find(self, key):
        if self._running is not None and self._running.key == key:
            return self._running
        return next((job for job in self._all_waiting() if job.key == key), None)

    def _all_waiting(self):
        for line in self._waiting.values():
            yield from line

    def _drop(self, job):
        line = self._waiting[job.link.client]
        line.remove(job)
        if not line:
            del self._waiting[job.link.client]
