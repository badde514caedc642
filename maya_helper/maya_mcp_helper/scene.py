"""What is known of this Maya and its scene, kept current by Maya's callbacks.

Invariant: the facts can be read from any thread at any time; Maya is asked on the main thread only.
"""

import functools
import getpass
import importlib
import os
import socket
import sys

from . import callbacks, shield

# MSceneMessage's name of the moment -> the reason we tell.
MOMENTS = {"kAfterNew": "new", "kAfterOpen": "opened", "kAfterSave": "saved"}


class Scene:
    """The facts, and the callbacks that keep them. Made and closed on the main thread."""

    def __init__(self, helper_version, tell, on_exit, hold_off):
        self._tell = tell
        self._on_exit = on_exit
        self._hold_off = hold_off  # Calls a function such that no stop arrives in it.
        self._callbacks = []
        self._message = None
        self.batch = bool(_ask("about", batch=True))
        self._lasting = {
            "helper_version": helper_version,
            "maya_version": str(_ask("about", version=True) or ""),
            "python_version": "{}.{}.{}".format(*sys.version_info[:3]),
            "pid": os.getpid(),
            "user": _user(),
            "host": socket.gethostname(),
            "batch": self.batch,
        }
        self._current = _look()

    def facts(self):
        """Everything the welcome tells."""
        return dict(self._lasting, **self._current)

    def listen(self):
        """Registers the callbacks."""
        self._message = _message_class()
        for moment, reason in MOMENTS.items():
            self._add(moment, self._changed, reason)
        self._add("kMayaExiting", self._exiting, "maya_exiting")

    def close(self):
        """Removes the callbacks."""
        numbers, self._callbacks = self._callbacks, []
        callbacks.remove(self._message, numbers)

    def compare(self):
        """Tells of a scene that was renamed without being saved; Maya has no callback for that."""
        current = _look()
        if current["scene_path"] != self._current["scene_path"]:
            self._update("renamed", current)

    def _changed(self, reason):
        self._hold_off(lambda: self._look_again(reason))

    def _look_again(self, reason):
        current = _look()
        if reason == "saved" and current["scene_path"] != self._current["scene_path"]:
            reason = "renamed"
        self._update(reason, current)

    def _update(self, reason, current):
        self._current = current
        self._tell("scene", dict(current, reason=reason))

    def _exiting(self, reason):
        # Not held off: the I/O thread has last words to say, and must not have to wait for us.
        self._callbacks = []  # Maya is taking itself apart, its callbacks included.
        self._on_exit(reason)

    def _add(self, moment, function, reason):
        try:
            number = getattr(self._message, moment)
            listener = shield.callback(functools.partial(function, reason))
            try:
                callback = self._message.addCallback(number, listener)
            except TypeError:  # A Maya that takes plain functions only.
                callback = self._message.addCallback(number, lambda told=None: listener(told))
            self._callbacks.append(callback)
        except Exception:  # Without this callback the facts are those of the last look.
            pass


def _message_class():
    for name in ("maya.api.OpenMaya", "maya.OpenMaya"):
        try:
            return importlib.import_module(name).MSceneMessage
        except Exception:
            continue
    return None


def _look():
    path = _ask("file", query=True, sceneName=True)
    path = path if isinstance(path, str) else ""
    return {
        "scene_name": path.replace("\\", "/").rsplit("/", 1)[-1],
        "scene_path": path,
        "modified": bool(_ask("file", query=True, modified=True)),
    }


def _ask(command, **flags):
    try:
        return getattr(importlib.import_module("maya.cmds"), command)(**flags)
    except Exception:  # A Maya that cannot say it: the fact stays empty.
        return None


def _user():
    try:
        return getpass.getuser()
    except Exception:  # No such variable, no such entry: as on some render nodes.
        return ""
