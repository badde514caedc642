"""What the engine costs while nothing happens."""

import contextlib
import subprocess
import time
from pathlib import Path

from maya_sim.client import Sim

from .engine import Engine

# Until then the engine asks a process again and again whether it has become a Maya.
GROWN_UP = 125

SIM = ["--no-qt", "--default-port", "off", "--command-port", "python:127.0.0.1:0"]


def measure(options, folder):
    with contextlib.ExitStack() as stack:
        bystanders(stack, options.processes)
        engine = stack.enter_context(Engine(options.cli, folder))
        for _ in range(options.sessions):
            stack.enter_context(Sim.start("2025", *SIM, folder=folder, programs=engine.studio))
        engine.until_ready(options.sessions)
        wait = GROWN_UP + options.seconds
        print(f"\n· {wait} s: until no process is young, and a while longer …", flush=True)
        time.sleep(GROWN_UP)
        started = newest_pid()
        before = engine.cpu_seconds(), engine.cpu_ticks(), engine.read_calls()
        time.sleep(options.seconds)
        after = engine.cpu_seconds(), engine.cpu_ticks(), engine.read_calls()
        started = newest_pid() - started
        per_minute = 60 / options.seconds
        used = (after[0] - before[0]) * per_minute
        user, system = ((b - a) * per_minute for a, b in zip(before[1], after[1], strict=True))
        rows = [
            ("CPU in a minute", f"{used * 1000:.1f} ms"),
            ("the same in clock ticks, user", f"{user * 1000:.0f} ms"),
            ("the same in clock ticks, system", f"{system * 1000:.0f} ms"),
            (
                "read calls in a minute (a look is one, a name is one)",
                f"{(after[2] - before[2]) * per_minute:.0f}",
            ),
            ("pids handed out meanwhile; on an idle machine, few", f"{started}"),
            ("memory (PSS)", f"{engine.pss_mib():.1f} MiB"),
        ]
    around = f"{options.sessions} sessions, {options.processes} other processes"
    return f"Idle for {options.seconds} s: {around}", rows


def newest_pid():
    return int(Path("/proc/loadavg").read_text().split()[4])


def bystanders(stack, count):
    """Processes that do nothing; they end with the stack."""
    for _ in range(count):
        process = subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.kill)
