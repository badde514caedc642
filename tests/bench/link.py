"""What the helper costs inside Maya, over the bare link: no engine, no endpoint.

Invariant: each comparison has both of its sides in one run, in the same stand-in.
"""

import statistics
import time
from pathlib import Path

from maya_sim.client import Sim

from .bare import bring_in
from .table import fine, milliseconds

CALLS = 5000
ROUNDS = 5
LARGE = 10 << 20
LINES = 100000
IDLE_S = 10.0
NODES = 100000
PRINTING = "for n in range(LINES): print(f'line {n}')".replace("LINES", str(LINES))
# The same, timed from within, where no helper stands between.
ALONE = f"""
import time
began = time.perf_counter()
{PRINTING}
took = time.perf_counter() - began
"""


def measure(options, folder):
    rows = []
    for extra, what in [([], "Script Editor closed"), (["--script-editor"], "Script Editor open")]:
        with start(folder, *extra) as sim:
            rows += printing(sim, folder / what, what)
    with start(folder) as sim:
        rows += weight_and_speed(sim, folder / "weight")
    with start(folder) as sim:
        rows += overview(sim, folder / "overview")
    return "The helper in the stand-in with Qt, over the bare link", rows


def start(folder, *extra):
    ports = ["--default-port", "off", "--command-port", "python:0"]
    return Sim.start("2025", *ports, *extra, folder=folder, programs=folder)


def printing(sim, path, what):
    alone, ours, dropped = [], [], 0
    engine = bring_in(sim, path)
    for _ in range(ROUNDS):
        alone.append(printed_alone(sim))
        answer = engine.execute(PRINTING)
        ours.append(answer["duration_ms"] / 1000)
        dropped += answer["dropped"]
    engine.close()
    more = statistics.median(ours) / statistics.median(alone) - 1
    return [
        (f"{LINES} lines, {what}: alone", milliseconds(statistics.median(alone))),
        (f"{LINES} lines, {what}: by execute", milliseconds(statistics.median(ours))),
        (f"{LINES} lines, {what}: slower by", f"{more * 100:.1f} %"),
        (f"{LINES} lines, {what}: characters dropped", f"{dropped}"),
    ]


def printed_alone(sim):
    code = f"(lambda d: (exec({ALONE!r}, d), d['took'])[1])({{}})"
    return sim.control("eval", code=code, deadline=120.0)["value"]


def weight_and_speed(sim, path):
    before = memory_kb(sim.pid)
    engine = bring_in(sim, path)
    joined = memory_kb(sim.pid) - before
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        engine.execute("1+1")
        times.append(time.perf_counter() - began)
    cuts = statistics.quantiles(times, n=100)
    after = memory_kb(sim.pid) - before
    rows = [
        (f"1+1, median of {CALLS}", fine(cuts[49])),
        (f"1+1, 99th of 100 in {CALLS}", fine(cuts[98])),
        ("memory of Maya more (USS), once it is in", f"{joined} kB"),
        (f"memory of Maya more (USS), after {CALLS} calls", f"{after} kB"),
    ]
    for what, code in [
        ("output in one piece", f"print('x' * {LARGE})"),
        ("output in lines", f"for n in range({LARGE} // 1024): print('x' * 1023)"),
        ("a result", f"'x' * {LARGE}"),
    ]:
        rows.append((f"10 MiB of {what}, best of {ROUNDS}", f"{speed(engine, code):.0f} MB/s"))
    cpu = time.clock_gettime(~sim.pid << 3 | 2)
    time.sleep(IDLE_S)
    used = time.clock_gettime(~sim.pid << 3 | 2) - cpu
    rows.append((f"CPU of Maya in {IDLE_S:.0f} s with an idle link", f"{used * 1000:.2f} ms"))
    engine.call("leave")
    engine.close()
    return rows


def overview(sim, path):
    engine = bring_in(sim, path)
    sim.control("scene", op="populate", count=NODES)
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        engine.call("scene")
        times.append(time.perf_counter() - began)
    engine.close()
    return [
        (f"the scene of {NODES} nodes, median of {ROUNDS}", milliseconds(statistics.median(times)))
    ]


def speed(engine, code):
    best = 0.0
    for _ in range(ROUNDS):
        began = time.perf_counter()
        outcome = engine.execute(code, result_type="AUTO")
        took = time.perf_counter() - began
        size = len(outcome["stdout"]) + len(outcome["result"] or "")
        if size < LARGE or outcome["dropped"]:
            raise AssertionError(f"not whole: {size} of {LARGE}")
        best = max(best, size / took / 1e6)
    return best


def memory_kb(pid):
    """What is this process's alone."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    private = [line.split()[1] for line in lines if line.startswith("Private_")]
    return sum(map(int, private))
