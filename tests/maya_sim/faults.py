"""What goes wrong with a Maya, on demand.

Invariant: the one who asked has the answer before the fault begins, so it is never lost in it.
"""

import ctypes
import os
import queue
import resource
import signal
import sys
import threading
import time
import traceback

from . import parent
from . import scene as scenes
from .loop import Modal
from .running import maya

FOREVER = 3600.0


class Faults:
    def occupy(self, work):
        """Holds the main thread. It calls what is put in `first`, then `work`, in one go."""
        started, first = threading.Event(), queue.SimpleQueue()

        def hold():
            started.set()
            first.get()()
            work()

        maya.loop.script(hold)
        return started, first

    def busy(self, seconds, gil):
        """One long call inside Maya. Most of its C++ keeps Python's lock, some does not."""
        if gil:
            # PyDLL calls without letting go of the lock: no thread of Python runs until it returns.
            ctypes.PyDLL(None).usleep(ctypes.c_uint(int(seconds * 1_000_000)))
        else:
            time.sleep(seconds)

    def hang(self, gil):
        """Never comes back."""
        if gil and maya.options.die_with_parent:
            # The thread that watches the parent cannot run any more: the kernel has to.
            parent.kill_me_with_parent()
        while True:
            self.busy(FOREVER, gil)

    def modal(self, window, seconds):
        if seconds is not None:
            timer = threading.Timer(seconds, window.finish)
            timer.daemon = True
            timer.start()
        maya.loop.modal(window)

    def window(self, title):
        return Modal(title)

    def recover(self):
        return scenes.write_recovered()

    def crash(self, name):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), signal.Signals[name])

    def leave(self, code=0):
        """A clean exit, on the main thread: everyone is told, then the ports' files go."""
        try:
            maya.callbacks.fire_event("quitApplication")
            maya.callbacks.fire_scene("kMayaExiting")
        except Exception:
            traceback.print_exc(file=sys.stderr)
        maya.ports.leave()
        maya.loop.quit(code)
