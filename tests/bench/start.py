"""How soon a Maya that starts is listed, and ready."""

import time
from pathlib import Path

from maya_sim.client import Sim

from .engine import TICKS, Engine
from .table import median_and_max

SIM = ["--no-qt", "--default-port", "off", "--command-port", "python:127.0.0.1:0"]

BETWEEN_LOOKS = 0.2


def measure(options, folder):
    listed, ready, after_port = [], [], []
    with Engine(options.cli, folder) as engine:
        # The first one copies the interpreter.
        with Sim.start("2025", *SIM, folder=folder, programs=engine.studio) as sim:
            engine.told("helper ready", sim.pid)
        for number in range(options.sessions):
            # Else each would start at the same moment between two looks.
            time.sleep(number / options.sessions * BETWEEN_LOOKS)
            with Sim.start("2025", *SIM, folder=folder, programs=engine.studio) as sim:
                # Its line is printed when its ports are open.
                opened = time.time()
                started = started_at(sim.pid)
                listed.append(engine.told("found a Maya", sim.pid) - started)
                ready_at = engine.told("helper ready", sim.pid)
                ready.append(ready_at - started)
                after_port.append(max(0.0, ready_at - opened))
    rows = [
        *median_and_max("from the start of the process to listed", listed),
        *median_and_max("from the start of the process to ready", ready),
        *median_and_max("from its command port open to ready", after_port),
    ]
    return f"A Maya starts, {options.sessions} times", rows


def started_at(pid):
    """In seconds since 1970, to the clock tick."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.time() - (since_boot - int(stat[19]) / TICKS)
