"""A Maya for the helper's own tests: a scene in a dictionary, and an idle queue that a test turns.

Invariant: commands answer only on the thread that turns the queue, as in Maya.
"""

import os
import queue
import threading

DIRECTORY = os.path.dirname(os.path.abspath(__file__))


class State:
    """Everything the fake remembers."""

    def __init__(self):
        self.main_thread = None
        self.idle = queue.Queue()
        self.scene_path = ""
        self.modified = False
        self.batch = False
        self.selection = []
        self.undo = []  # ("open", name) and ("close",), as they came.
        self.callbacks = {}  # number -> (moment, function, clientData)
        self.next_callback = 1


state = State()


def check_thread():
    """Raises where a real Maya may crash."""
    if threading.get_ident() != state.main_thread:
        raise AssertionError("maya.cmds was called off the main thread")


def show(kind, text):
    """What a command of Maya's shows in the Script Editor."""
    check_thread()
    for wanted, function, data in list(state.callbacks.values()):
        if wanted == "shown":
            function(text, kind, data)


def fire(moment):
    """Calls the callbacks of that moment, as Maya does: on the main thread."""
    check_thread()
    for wanted, function, data in list(state.callbacks.values()):
        if wanted == moment:
            function(data)
