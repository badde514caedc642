"""Where a job is that does not stop.

Invariant: it only looks, from another thread, at what may have moved on meanwhile.
"""

import linecache
import sys

from .ending import RUNS


def where_it_is(job, thread):
    """(line, source) of the job's own code, innermost; Nones when it is elsewhere."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        name, line = frame.f_code.co_filename, frame.f_lineno
        if name == job.source or (job.source is None and name.startswith(RUNS)):
            return line, linecache.getline(name, line).strip() or None
        frame = frame.f_back
    return None, None
