"""Starts stand-ins for tests, and talks to them.

Invariant: what `Sim.start` started is gone after the `with` block, whatever happened in it.

    with Sim.start("2025", "--command-port", "python:0") as sim:
        sim.send(sim.port("python"), "1+1")    →  "2"
        sim.control("busy", seconds=1, gil=True)
"""

import json
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

from .lay_out import lay_out

END = b"\n\0"
TESTS = Path(__file__).resolve().parent.parent


class Sim:
    def __init__(self, process, ready, folder):
        self.process = process
        self.ready = ready
        self.pid = ready["pid"]
        self.ports = ready["ports"]
        self.others = ready["others"]
        self.folder = folder
        self._control = None
        self._temporary = None

    @classmethod
    def start(
        cls,
        version="2025",
        *arguments,
        folder=None,
        programs=None,
        env=None,
        deadline=20.0,
        name="maya.bin",
    ):
        """Starts one and waits for its ready line. Its sockets and files go below `folder`.

        `programs` is where the interpreter is laid out, for tests that share one; else `folder`.
        """
        temporary = folder is None
        folder = Path(folder or tempfile.mkdtemp(prefix="maya_sim."))
        program = lay_out(programs or folder, version, name)
        command = [program, "-m", "maya_sim", "--control", _control_name(), "--die-with-parent"]
        command += ["--socket-dir", folder, "--temp-dir", folder, *arguments]
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(TESTS), **(env or {})},
        )
        try:
            ready = _ready_line(process, deadline)
        except BaseException:
            process.kill()
            _, errors = process.communicate()
            if temporary:
                shutil.rmtree(folder, ignore_errors=True)
            if errors:
                raise RuntimeError(errors.decode(errors="replace")) from None
            raise
        sim = cls(process, ready, folder)
        sim._temporary = temporary
        return sim

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it at once, whatever state it is in."""
        if self._control is not None:
            self._control.close()
            self._control = None
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def wait(self, deadline=10.0):
        """Waits until it ended by itself; gives back the exit code (negative: the signal)."""
        return self.process.wait(deadline)

    def port(self, language_or_name):
        """The address of the first port with this language or name."""
        for port in self.ports:
            if language_or_name in (port["language"], port["name"]):
                return port["address"]
        raise LookupError(f"no port {language_or_name!r} in {self.ports}")

    def control(self, do, deadline=10.0, **parameters):
        """One request over the control channel. An error in the reply is raised here."""
        if self._control is None:
            self._control = connect(self.ready["control"])
            self._lines = self._control.makefile("rb")
        self._control.settimeout(deadline)
        self._control.sendall(json.dumps({"do": do, **parameters}).encode() + b"\n")
        line = self._lines.readline()
        if not line:
            raise ConnectionError(f"the stand-in went away over {do!r}")
        reply = json.loads(line)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply

    def send(self, address, text, deadline=10.0):
        """Sends one message to a command port; gives back the first reply without its end mark."""
        with connect(address, deadline) as client:
            client.sendall(text.encode())
            return read_reply(client)

    def until(self, found, deadline=10.0):
        """Asks for the state until `found(state)` is true. For what has no event of its own."""
        end = time.monotonic() + deadline
        while True:
            state = self.control("state")
            if found(state):
                return state
            if time.monotonic() > end:
                raise TimeoutError(f"the state did not come about; it is {state}")
            select.select([], [], [], 0.005)


def _control_name():
    return f"@maya_sim.{os.getpid()}.{uuid.uuid4().hex}"


def connect(address, deadline=10.0):
    """Connects to `host:port`, to the path of a Unix socket, or to `@name`."""
    if address.startswith(("/", "@")):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(deadline)
        client.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
        return client
    host, _, port = address.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), deadline)


def read_reply(client, count=1):
    """Reads `count` replies as one text. What came before an early end is given back as it is."""
    data = b""
    while data.count(END) < count:
        try:
            part = client.recv(65536)
        except ConnectionResetError:
            part = b""  # It closed without reading everything that we sent.
        if not part:
            break
        data += part
    return data.decode().removesuffix("\n\0")


def _ready_line(process, deadline):
    readable, _, _ = select.select([process.stdout], [], [], deadline)
    line = process.stdout.readline() if readable else b""
    if not line:
        raise TimeoutError(f"no ready line from the stand-in in {deadline} s")
    return json.loads(line)
