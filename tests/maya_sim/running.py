"""What this one process is made of.

Invariant: `maya` is filled in once, by `__main__`, before the package `maya` is imported.
"""

import threading


class Maya:
    """The parts of the running stand-in, each in the module that explains it."""

    options = None
    script_editor = None
    loop = None
    callbacks = None
    scene = None
    undo = None
    dialogs = None
    ports = None
    faults = None
    view = None
    # Whether a file command may ask the artist (`file -prompt`).
    prompt = True
    # The plug-ins that are loaded: name → what is known of them.
    plugins = None


maya = Maya()


def on_main_thread():
    return threading.current_thread() is threading.main_thread()


def require_main_thread(what):
    """Maya's commands throw on any other thread; its API does worse. The stand-in always throws."""
    if not on_main_thread():
        name = threading.current_thread().name
        raise RuntimeError(f"{what} was called on the thread {name!r}, not on Maya's main thread")
