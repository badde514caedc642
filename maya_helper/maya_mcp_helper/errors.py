"""What went wrong in the artist's code, told in the artist's lines.

Invariant: telling never raises, and no frame of the helper is in it.
"""

import os
import traceback

OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep
LENGTH_LIMIT = 1 << 20


def describe(error, without_traceback=False):
    """{"type", "message", "traceback"} of an exception."""
    return {
        "type": name_of(type(error)),
        "message": _message(error),
        "traceback": "" if without_traceback else _traceback(error),
    }


def name_of(kind):
    """The name Python itself would print."""
    name = getattr(kind, "__qualname__", kind.__name__)
    module = getattr(kind, "__module__", None)
    if module in ("builtins", "__main__") or not isinstance(module, str):
        return name
    return module + "." + name


def _message(error):
    try:
        return str(error)[:LENGTH_LIMIT]
    except Exception:
        return "<its message cannot be shown>"


def _traceback(error):
    try:
        told = traceback.TracebackException(type(error), error, error.__traceback__)
        _strip(told, set())
        return "".join(told.format())[:LENGTH_LIMIT]
    except Exception:  # Its __str__, __cause__ or source may be anything.
        return name_of(type(error)) + "\n"


def _strip(told, seen):
    if told is None or id(told) in seen:
        return
    seen.add(id(told))
    told.stack[:] = [frame for frame in told.stack if not frame.filename.startswith(OURS)]
    _strip(told.__cause__, seen)
    _strip(told.__context__, seen)
    for inner in getattr(told, "exceptions", None) or ():
        _strip(inner, seen)
