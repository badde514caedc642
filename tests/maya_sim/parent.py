"""Ends this process when the one that started it is gone, so that a test leaves nothing running.

Invariant: only the end of the parent *process* counts, not that of the thread which started us.
"""

import ctypes
import os
import select
import signal
import threading

PR_SET_PDEATHSIG = 1


def die_with_parent():
    parent = os.getppid()
    try:
        handle = os.pidfd_open(parent)
    except OSError:
        kill_me_with_parent()
        return
    # PR_SET_PDEATHSIG alone would kill us with the *thread* that started us, and test runners start
    # programs from threads that come and go.
    threading.Thread(target=_watch, args=(handle, parent), name="parent", daemon=True).start()


def kill_me_with_parent():
    ctypes.PyDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


def _watch(handle, parent):
    if os.getppid() == parent:
        select.select([handle], [], [])
    os.kill(os.getpid(), signal.SIGKILL)
