"""How soon everybody who listens hears that a session has changed.

Invariant: one thread for all of them; each stream is read as soon as there is something to read.
"""

import contextlib
import selectors
import statistics
import time

from .bare import bring_in
from .clients import Legacy, Modern
from .table import fine

EACH = 25
ROUNDS = 20
# Longer than signals are put together.
PAUSE = 0.7
DEADLINE = 10.0
UPDATED = b"notifications/resources/updated"
SCENE = b'"scene"'


def measure(port, token, sim, folder, build):
    after = {"the change began": [], "it was made": [], "a bare link was told": []}
    with contextlib.ExitStack() as stack:
        clients = [kind(port, token) for kind in [Legacy, Modern] for _ in range(EACH)]
        streams = [stack.enter_context(client.stream()) for client in clients]
        link = bring_in(sim, folder / "witness", build)
        streams.append(stack.enter_context(link.socket))
        selector = stack.enter_context(selectors.DefaultSelector())
        for stream in streams:
            stream.setblocking(False)
            selector.register(stream, selectors.EVENT_READ)
        for number in range(ROUNDS):
            time.sleep(PAUSE)
            drain(selector)
            began = time.perf_counter()
            sim.control("scene", op="save", path=str(folder / f"shot{number}.ma"))
            made = time.perf_counter()
            heard = all_hear(selector, streams[-1])
            told = heard.pop(streams[-1])
            for since, moment in zip(after, [began, made, told], strict=True):
                # Less than nothing where they heard before Maya was through.
                after[since].append(max(heard.values()) - moment)
    rows = []
    for since, seconds in after.items():
        what = f"the last of {2 * EACH} clients hears of a changed scene, after {since}"
        half = fine(statistics.median(seconds))
        rows.append((f"{what}: median of {ROUNDS}", half, "within 50 ms"))
        rows.append((f"{what}: longest", fine(max(seconds)), "within 50 ms"))
    return rows


def drain(selector):
    """Reads what is left of the round before."""
    while ready := selector.select(0):
        for key, _ in ready:
            key.fileobj.recv(65536)


def all_hear(selector, witness):
    """When each of them heard first."""
    heard, end = {}, time.perf_counter() + DEADLINE
    while len(heard) < len(selector.get_map()):
        if time.perf_counter() > end:
            raise TimeoutError(f"only {len(heard)} of {len(selector.get_map())} heard of it")
        for key, _ in selector.select(0.1):
            # One event is written as one piece.
            part = key.fileobj.recv(65536)
            if (SCENE if key.fileobj is witness else UPDATED) in part:
                heard.setdefault(key.fileobj, time.perf_counter())
    return heard
