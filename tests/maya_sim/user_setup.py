"""Runs the artist's start-up files, as Maya does: in `__main__`, before there is a window.

Invariant: an error in one shows in the Script Editor, and the start goes on.
"""

import os
import sys
import traceback


def run(options):
    """Looks only where a test said: a developer may have files of his own in `~/maya`."""
    if not options.user_setup or "MAYA_SKIP_USERSETUP_PY" in os.environ:
        return
    settings = os.path.expanduser(options.user_setup)
    folder = os.path.join(settings, options.version, "scripts")
    sys.path.append(folder)  # So that the file can import what lies beside it.
    path = os.path.join(folder, "userSetup.py")
    if os.path.isfile(path):
        _execute(path)


def _execute(path):
    try:
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec")
        exec(code, sys.modules["__main__"].__dict__)
    except BaseException:
        sys.stderr.write("Failed to execute userSetup.py\n")
        traceback.print_exc(file=sys.stderr)
