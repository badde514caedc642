"""Leaves word of a running helper in the application's home, for an engine that comes later.

Invariant: the file holds a secret, so it is this user's alone; it is there whole or not at all; and
only the process that wrote it takes it away, a fork of it never.
"""

import json
import os
import threading


class Withdrawn(Exception):
    """The helper has ended; there is nothing to leave word of."""


class Announcement:
    """`<folder>/<pid>.json`, and the secret in it."""

    def __init__(self, folder, secret):
        self.secret = secret
        self._folder = folder
        self._pid = os.getpid()
        self._path = os.path.join(folder, f"{self._pid}.json")
        self._lock = threading.Lock()  # The I/O thread may end while the main one writes.
        self._withdrawn = False

    def write(self, port, build):
        """Writes the file, or writes it again."""
        told = {"maya_mcp": 1, "pid": self._pid, "port": port}
        text = json.dumps(dict(told, secret=self.secret.hex(), helper=build))
        with self._lock:
            if self._withdrawn:
                raise Withdrawn("the helper has ended")
            os.makedirs(self._folder, 0o700, exist_ok=True)
            _put(self._path, text)

    def withdraw(self):
        """Removes the file, once: by then a successor may have written one of the same name."""
        if os.getpid() != self._pid:
            return
        with self._lock:
            if self._withdrawn:
                return
            self._withdrawn = True
            _remove(self._path)


def _put(path, text):
    new = f"{path}.{os.urandom(4).hex()}.new"
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        os.replace(new, path)
    except BaseException:
        _remove(new)
        raise


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass  # Gone already, or it stays and leads nowhere: the engine clears such away.
