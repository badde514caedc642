"""The control channel: how a test makes this Maya do things, and asks what happened in it.

Invariant: it runs on threads of its own and uses no command port, so it works while the main thread
hangs. Only a call that holds Python's lock silences it too.
"""

import ctypes
import json
import os
import socket
import threading

from .requests import FromMainThread, Later, answer


def listen(where):
    """Binds the channel; gives back (listener, address). `@name` is a Unix socket without a file,
    which no search for command ports takes for one."""
    if where.startswith("@"):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind("\0" + where[1:])
        listener.listen()
        return listener, where
    if where.startswith("/"):
        if os.path.lexists(where):
            os.unlink(where)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(where)
        listener.listen()
        return listener, where
    host, _, port = where.rpartition(":")
    listener = socket.create_server((host or "127.0.0.1", int(port)))
    return listener, "{}:{}".format(*listener.getsockname()[:2])


def serve(listener):
    threading.Thread(target=_accept, args=(listener,), name="control", daemon=True).start()


def _accept(listener):
    while True:
        client, _ = listener.accept()
        threading.Thread(target=_talk, args=(client,), name="control client", daemon=True).start()


def _talk(client):
    with client, client.makefile("rb") as lines:
        for line in lines:
            after = None
            try:
                reply = answer(json.loads(line))
            except Exception as error:
                reply = {"error": f"{type(error).__name__}: {error}"}
            if isinstance(reply, FromMainThread):
                reply.then(_sender(client, reply.reply))
                continue
            if isinstance(reply, Later):
                reply, after = reply.reply, reply.after
            try:
                client.sendall(json.dumps(reply).encode() + b"\n")
            except OSError:
                return
            finally:
                if after is not None:
                    after()


def _sender(client, reply):
    data = json.dumps(reply).encode() + b"\n"

    def send():
        # PyDLL keeps Python's lock, where socket.send would let go of it: between this reply and
        # the fault no other thread gets to run, so the next request surely finds the fault.
        ctypes.PyDLL(None).send(client.fileno(), data, len(data), socket.MSG_NOSIGNAL)

    return send
