"""Maya's idle queue."""

from . import state


def executeDeferred(function, *args, **kwargs):
    state.idle.put(lambda: function(*args, **kwargs))
