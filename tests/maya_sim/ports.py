"""Maya's command ports: who listens where, and how they come and go.

Invariant: one thread for each port, which serves one connection after the other and never two.
"""

import errno
import os
import select
import socket
import threading

from .connection import Connection
from .port_spec import PortError, Spec

BACKLOG = 5
DEFAULT_NAME = "commandportDefault"


class Ports:
    def __init__(self, socket_dir, limit_mode, echo):
        self._socket_dir = socket_dir
        self._limit_mode = limit_mode
        self._echo = echo
        self._ports = {}

    def open(self, spec):
        if spec.name in self._ports:
            raise PortError(f"The commandPort {spec.name} is already active.")
        spec.echo = spec.echo or self._echo
        try:
            listener, name, path = self._listen(spec.name)
        except OSError as error:
            raise PortError(f"Could not open command port {spec.name}: {error.strerror}") from error
        spec.name = name
        port = self._ports[name] = CommandPort(spec, listener, path, self._limit_mode)
        port.start()
        return port

    def open_default(self, kind, windows_port):
        if kind == "posix":
            return self.open(Spec(DEFAULT_NAME, "mel", warn=True))
        try:
            port = self.open(Spec(f"127.0.0.1:{windows_port}", "mel", warn=True))
        except PortError as error:
            cause = error.__cause__
            if getattr(cause, "errno", None) != errno.EADDRINUSE:
                raise
            # On Windows the name is in a table shared by all Mayas, so the second one gets none.
            text = f"Could not open command port {DEFAULT_NAME} because that name is in use"
            raise PortError(text) from error
        del self._ports[port.spec.name]
        port.spec.name = DEFAULT_NAME
        self._ports[DEFAULT_NAME] = port
        return port

    def close(self, name):
        port = self._ports.pop(name, None)
        if port is None:
            raise PortError(f"There is no command port {name!r}")
        port.shut_down()
        return port

    def find(self, name):
        return self._ports.get(name)

    def all(self):
        return list(self._ports.values())

    def leave(self):
        """Maya exits: what it still owns in the file system goes with it."""
        for port in self.all():
            port.remove_own_file()

    def _listen(self, name):
        """Binds as `commandPort -name` reads it: with a colon it is TCP, else a Unix socket."""
        plain = name[1:].replace("]", "") if name.startswith("[") else name
        if ":" not in plain:
            path = plain if plain.startswith("/") else os.path.join(self._socket_dir, plain)
            if os.path.lexists(path):
                # This is how a second Maya on macOS and Linux cuts the first one off.
                os.unlink(path)
            return _bound(socket.AF_UNIX, path), name, path
        host, _, number = plain.rpartition(":")
        v6 = os.environ.get("MAYA_IP_TYPE", "").lower() == "ipv6"
        host = host or ("::1" if v6 else "127.0.0.1")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = _bound(family, (host, int(number)))
        if int(number) == 0:
            name = f"{name[: -len(number)]}{listener.getsockname()[1]}"
        return listener, name, None


def _bound(family, address):
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Only so that a restarted test finds its port free: on Linux it steals nothing.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class CommandPort(threading.Thread):
    def __init__(self, spec, listener, path, limit_mode):
        super().__init__(name=f"commandPort {spec.name}", daemon=True)
        self.spec = spec
        self.limit_mode = limit_mode
        self.closing = False
        self.asks = spec.warn
        self.connections = self.commands = self.denied = 0
        self.connected = False
        # A message of the client is run right now; and: one more of its messages is to be answered.
        self.answering = self.owes_answer = False
        self._listener = listener
        self._woken, self._waker = socket.socketpair()
        self._client = None
        self._path = path
        self._inode = os.stat(path).st_ino if path else None

    @property
    def address(self):
        if self._path:
            return self._path
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def run(self):
        connection = Connection(self)
        while not self.closing:
            select.select([self._listener, self._woken], [], [])
            if self.closing:
                break
            client, _ = self._listener.accept()
            self.connections += 1
            self._client = client
            self.connected = True
            try:
                connection.serve(client)
            finally:
                # Also when the thread dies: a client's sys.exit() goes through socketserver, so
                # from then on the port accepts connections that nobody will ever read.
                self.connected = False
                client.close()
        self._listener.close()
        connection.forget()
        # By its path, without looking whose file that is by now, as Maya does it.
        if self._path:
            _unlink(self._path)

    def shut_down(self):
        """Closes as Maya does: whoever is connected gets one more answer before it takes effect."""
        self.owes_answer = self.connected and not self.answering
        self.closing = True
        self._waker.send(b".")
        if not self.connected:
            # Else a port opened anew under this name could lose its file to the end of this one.
            self.join(1.0)

    def cut(self):
        """Takes the connection away under the client, which Maya never does by itself."""
        if self._client is not None:
            try:
                self._client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def remove_own_file(self):
        if self._path and os.path.exists(self._path) and os.stat(self._path).st_ino == self._inode:
            _unlink(self._path)

    def describe(self):
        return {
            "name": self.spec.name,
            "language": self.spec.language,
            "address": self.address,
            "warn": self.spec.warn,
        }

    def counts(self):
        return {
            **self.describe(),
            "asks": self.asks,
            "connected": self.connected,
            "connections": self.connections,
            "commands": self.commands,
            "denied": self.denied,
        }


def _unlink(path):
    try:
        os.unlink(path)
    except OSError:
        pass
