"""The lines of what was run, so that a traceback can show them.

Invariant: each run has a name of its own, since a function may be called long after the run that
defined it; of runs only the latest sources are kept, of modules all.
"""

import collections
import linecache

KEPT_SOURCES = 64
KEPT_CHARACTERS = 256 << 10

_kept = collections.deque()
_lasting = []
_count = 0


def register(code, lasting=False):
    """Keeps the source and gives it a file name. Lasting: for as long as the helper stays."""
    global _count
    _count += 1
    name = f"<maya-mcp {_count}>"
    if lasting or len(code) <= KEPT_CHARACTERS:
        # No modification time: linecache then never looks for a file of this name.
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        if lasting:
            _lasting.append(name)
        else:
            _kept.append((name, len(code)))
            _forget_old()
    return name


def drop(name):
    """Forgets one of the lasting."""
    if name in _lasting:
        _lasting.remove(name)
        linecache.cache.pop(name, None)


def count():
    """How many names have been given."""
    return _count


def go_on_from(number):
    """Gives no name that a predecessor has given: its functions may still be called."""
    global _count
    _count = max(_count, number)


def forget():
    """Drops every source."""
    for name in _lasting:
        linecache.cache.pop(name, None)
    _lasting.clear()
    while _kept:
        linecache.cache.pop(_kept.popleft()[0], None)


def _forget_old():
    while len(_kept) > KEPT_SOURCES or sum(size for _, size in _kept) > KEPT_CHARACTERS:
        linecache.cache.pop(_kept.popleft()[0], None)
