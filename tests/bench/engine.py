"""The engine as it is shipped, seen from outside: its log, its clock, its memory.

Invariant: it is gone after the `with` block.
"""

import json
import os
import re
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

TICKS = os.sysconf("SC_CLK_TCK")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Engine:
    def __init__(self, cli, folder, *options, log="info"):
        self.cli = cli
        self._options = options
        self.studio = Path(folder, "studio")
        self.home = Path(folder, "home")
        self.studio.mkdir()
        self.home.mkdir(mode=0o700)
        settings = {"port": 0, "maya_folders": [str(self.studio)], "notices": False}
        self.home.joinpath("settings.json").write_text(json.dumps(settings))
        self._log = log
        self._lines = []
        self._changed = threading.Condition()

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.cli, "serve", "--port", "0", "--home", self.home, *self._options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                "HOME": str(self.home.parent),
                "MAYA_MCP_LOG": self._log,
                "NO_COLOR": "1",
            },
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self._reader.join()
            raise RuntimeError("the engine did not start:\n" + "\n".join(self._lines))
        self.endpoint = json.loads(line)["endpoint"]
        self.port = urlsplit(self.endpoint).port
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self._lines.append(COLOURS.sub("", line.rstrip()))
                self._changed.notify_all()

    def log(self):
        """The lines that it has said so far."""
        with self._changed:
            return list(self._lines)

    def token(self, client):
        command = [self.cli, "--home", self.home, "token", client]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()

    def told(self, words, pid, deadline=30.0):
        """When the log said this of the process with this pid, in seconds since 1970."""
        of_it = re.compile(rf"id=maya-{pid}\b")

        def said(line):
            return words in line and of_it.search(line)

        stamp = self.until_said(said, deadline).split()[0]
        return datetime.fromisoformat(stamp.replace("Z", "+00:00")).timestamp()

    def until_said(self, wanted, deadline=30.0):
        """The first line of the log that `wanted(line)` takes."""

        def found():
            return next((line for line in self._lines if wanted(line)), None)

        with self._changed:
            if not self._changed.wait_for(found, deadline):
                raise TimeoutError("the engine never said it:\n" + "\n".join(self._lines))
            return found()

    def sessions(self):
        command = [self.cli, "--home", self.home, "sessions", "--json"]
        answer = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        return answer if isinstance(answer, list) else answer["sessions"]

    def until_ready(self, count, deadline=120.0):
        end = time.monotonic() + deadline
        while sum(session["phase"] == "ready" for session in self.sessions()) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{count} sessions did not get ready: {self.sessions()}")
            time.sleep(0.5)

    def cpu_seconds(self):
        """User and system time of all its threads so far, the ended ones too, to the nanosecond."""
        # What clock_getcpuclockid(3) answers on Linux.
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def cpu_ticks(self):
        """The same as the system accounts it: user and system."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return tuple(int(ticks) / TICKS for ticks in stat[11:13])

    def read_calls(self):
        """Each look is one, and so is each name that it asks for."""
        for line in Path(f"/proc/{self.process.pid}/io").read_text().splitlines():
            if line.startswith("syscr:"):
                return int(line.split()[1])
        raise LookupError("no syscr line")

    def pss_mib(self):
        for line in Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
        raise LookupError("no Pss line")
