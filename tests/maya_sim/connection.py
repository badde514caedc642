"""One client of a command port: what it sent, the permission to run it, and the answer.

Invariant: one message at a time, each run on the main thread and answered before the next is read.
"""

import queue
import sys
import traceback

from . import languages
from .dialog import ALLOW_ALL, DENY
from .running import maya

END = "\n\0"
MORE_TIMEOUT = 1.5
# In "split" a long message goes on for as long as every read is full. The first read that finds the
# kernel's buffer not quite refilled ends it, which is chance; here it is always after 64 KiB.
FULL_READS = 16


class Connection:
    def __init__(self, port):
        self._port = port
        self._spec = port.spec
        self._echoed = queue.SimpleQueue()
        self._callback = None
        if self._spec.echo:
            self._callback = maya.callbacks.add(
                "output", "output", lambda text, _type, _data: self._echoed.put(text), None
            )

    def serve(self, client):
        if self._spec.echo:
            client.settimeout(MORE_TIMEOUT)
        try:
            while not self._port.closing or self._port.owes_answer:
                self._write_echo(client)
                try:
                    code = self._receive(client)
                except TimeoutError:
                    continue
                if code is None or not self._answer(client, code):
                    return
        except OSError:
            pass  # A client that goes away is the usual end.
        except Exception:
            # socketserver's handle_error: printed, and the next client gets its turn.
            traceback.print_exc(file=sys.stderr)

    def forget(self):
        if self._callback is not None:
            maya.callbacks.remove(self._callback)

    def _receive(self, client):
        """One message, or None when the connection shall end."""
        size = self._spec.buffer_size
        part = client.recv(size)
        data = part
        if not data.replace(b"\0", b""):
            return None
        before = client.gettimeout()
        client.settimeout(MORE_TIMEOUT)
        reads = 1
        while len(part) >= size and reads < FULL_READS:
            try:
                part = client.recv(size)
            except TimeoutError:
                break
            if part and self._port.limit_mode == "close":
                return None
            data += part
            reads += 1
        client.settimeout(before)
        try:
            return data.replace(b"\0", b"").strip().decode("utf-8")
        except UnicodeDecodeError:
            sys.stderr.write("Invalid UTF-8 data received by the command port.\n")
            return None

    def _answer(self, client, code):
        """Asks, runs, replies. False when the artist said no."""
        self._port.owes_answer, self._port.answering = False, True
        if self._port.asks:
            name = self._spec.name
            button = maya.loop.call(lambda: maya.dialogs.security_warning(name, code))
            if button == DENY:
                self._port.denied += 1
                self._port.answering = False
                client.sendall(("Execution denied by Maya" + END).encode())
                return False
            if button == ALLOW_ALL:
                self._port.asks = False
        run = languages.python if self._spec.language == "python" else languages.mel
        replies = maya.loop.call(lambda: run(code))
        self._port.commands += 1
        if self._spec.no_return:
            replies = [""]
        # Before the reply is out: its reader may be the next to close the port.
        self._port.answering = False
        client.sendall("".join(self._fit(reply) + END for reply in replies).encode())
        return True

    def _fit(self, reply):
        size = self._spec.buffer_size
        if self._port.limit_mode == "close" and len(reply) > size:
            return f"Result string exceeds the command port's buffer of {size} characters."
        return reply

    def _write_echo(self, client):
        while self._spec.echo and not self._echoed.empty():
            # Never made fit for Python 3: a string goes where bytes belong. The TypeError ends this
            # connection, and what is left in the queue ends the next ones, before they said a word.
            client.makefile("wb").write(self._echoed.get() + END)
