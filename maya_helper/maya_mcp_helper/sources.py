"""The lines of what was run, so that a traceback can show them.

Invariant: each run has a name of its own, since a function may be called long after the run that
defined it; only the latest sources are kept.
"""

import collections
import linecache

KEPT_SOURCES = 64
KEPT_CHARACTERS = 256 << 10

_kept = collections.deque()
_count = 0


def register(code):
    """Keeps the source and gives it a file name."""
    global _count
    _count += 1
    name = f"<maya-mcp {_count}>"
    if len(code) <= KEPT_CHARACTERS:
        # No modification time: linecache then never looks for a file of this name.
        linecache.cache[name] = (len(code), None, code.splitlines(True), name)
        _kept.append((name, len(code)))
        _forget_old()
    return name


def forget():
    """Drops every source."""
    while _kept:
        linecache.cache.pop(_kept.popleft()[0], None)


def _forget_old():
    while len(_kept) > KEPT_SOURCES or sum(size for _, size in _kept) > KEPT_CHARACTERS:
        linecache.cache.pop(_kept.popleft()[0], None)
