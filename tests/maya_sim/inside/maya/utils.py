"""`maya.utils`: the ways into the main thread, with what each of them costs."""

from maya_sim import script as _script
from maya_sim.running import maya as _maya
from maya_sim.running import on_main_thread as _on_main_thread


def executeInMainThreadWithResult(function, *args, **kwargs):
    """Waits for the main thread, without end if need be: a modal dialog holds it, a render does."""
    return _maya.loop.call(lambda: _run(function, args, kwargs))


def executeDeferred(function, *args, **kwargs):
    """Runs later, when Maya is idle. In a batch Maya that is never, but for processIdleEvents."""
    _maya.loop.post(lambda: _run(function, args, kwargs))


def processIdleEvents():
    if not _on_main_thread():
        raise RuntimeError("processIdleEvents was not called on Maya's main thread")
    _maya.loop.run_pending()


def _run(function, args, kwargs):
    if callable(function):
        return function(*args, **kwargs)
    return _script.run_python(function)
