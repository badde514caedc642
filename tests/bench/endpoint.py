"""What the endpoint adds to the bare link, and how soon it tells what it knows.

Invariant: what is compared is measured by turns, in one run and in the same Maya.
"""

import contextlib
import json
import os
import statistics
import subprocess
import time

from maya_sim.client import Sim

from . import push
from .bare import bring_in
from .clients import Bridged, BridgedModern, Legacy, Modern, read, tool_answer
from .echo import answering
from .engine import Engine
from .table import fine, median_and_99th, median_and_least, milliseconds

# With Qt: without it a script waits for the next round of a timer.
SIM = ["--default-port", "off", "--command-port", "python:0"]
CALLS = 2000
LARGE = 10 << 20
LARGE_ROUNDS = 7
BUSY_S = 10
DEATHS = 5
DYING_DEADLINE = 20.0


def measure(options, folder):
    rows = []
    # What it logs of each call would be read here, by a thread that stands in the way.
    with Engine(options.cli, folder, log="warn") as engine, contextlib.ExitStack() as stack:
        sims = [start(stack, folder, engine) for _ in range(2)]
        engine.until_ready(len(sims))
        build = next(path.name for path in (engine.home / "helper").iterdir() if path.is_dir())
        link = bring_in(sims[0], folder / "beside", build)
        stack.callback(link.close)
        token = token_of(engine)
        parties = {
            "modern": Modern(engine.port, token),
            "legacy": Legacy(engine.port, token),
            "modern by the bridge": BridgedModern(options.cli, engine.home),
            "legacy by the bridge": Bridged(options.cli, engine.home),
        }
        for party in parties.values():
            stack.callback(party.close)
        one, two = (f"maya-{sim.pid}" for sim in sims)
        rows += lists(parties)
        rows += calls(parties, link, one)
        before = engine.pss_mib()
        rows += large(engine, parties, link, one)
        rows.append(("memory of the engine (PSS) before those", f"{before:.1f} MiB"))
        rows.append(("memory of the engine (PSS) after those", f"{engine.pss_mib():.1f} MiB"))
        rows += push.measure(engine.port, token, sims[0], folder, build)
        rows += beside_a_busy_one(parties, one, two)
        rows += deaths(parties["modern"], engine, folder)
    return "The endpoint, with two simulated Mayas", rows


def start(stack, folder, engine):
    return stack.enter_context(Sim.start("2025", *SIM, folder=folder, programs=engine.studio))


def token_of(engine):
    command = [engine.cli, "--home", engine.home, "token", "bench"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()


def timed(client, method, **params):
    """How long it takes; and the result, whose reading is not counted."""
    message = client.message(method, **params)
    began = time.perf_counter()
    body = client.exchange(message)
    took = time.perf_counter() - began
    return took, read(body)


def timed_call(client, tool, **arguments):
    took, result = timed(client, "tools/call", name=tool, arguments=arguments)
    return took, tool_answer(result)


def execute(client, code, session):
    """The message for it."""
    arguments = {"code": code, "session": session}
    return client.message("tools/call", name="execute_code", arguments=arguments)


def timed_echo(connection, request):
    began = time.perf_counter()
    connection.exchange(request)
    return time.perf_counter() - began


def lists(parties):
    """What needs no Maya."""
    what = {
        "tools/list": lambda party: timed(party, "tools/list")[0],
        "list_sessions": lambda party: timed_call(party, "list_sessions")[0],
    }
    size = len(json.dumps(parties["modern"].ask("tools/list")))
    with answering(size) as (connection, request):
        took = {"echo": []} | {(name, party): [] for name in what for party in parties}
        for _ in range(CALLS):
            took["echo"].append(timed_echo(connection, request))
            for name, asking in what.items():
                for party, client in parties.items():
                    took[name, party].append(asking(client))
    echo = f"the measuring itself, {size} bytes from a server that only answers"
    rows = median_and_99th(echo, took.pop("echo"))
    for (name, party), seconds in took.items():
        wanted = ["under 0.4 ms", "under 1 ms"] if "bridge" not in party else []
        rows += median_and_99th(f"{name}, {party}", seconds, *wanted)
    return rows


def calls(parties, link, session):
    """The smallest script there is, each time in the same Maya."""
    bare, took = [], {party: [] for party in parties}
    for _ in range(CALLS):
        began = time.perf_counter()
        link.execute("1+1")
        bare.append(time.perf_counter() - began)
        for party, client in parties.items():
            took[party].append(timed_call(client, "execute_code", code="1+1", session=session)[0])
    rows = median_and_99th("1+1, the bare link", bare)
    for party, seconds in took.items():
        rows += median_and_99th(f"1+1, {party}", seconds)
    half = {party: statistics.median(seconds) for party, seconds in took.items()}
    for era in ["modern", "legacy"]:
        more = half[era] - statistics.median(bare)
        rows.append((f"1+1, {era}: more than the bare link", fine(more), "0.5 ms at most"))
        more = half[f"{era} by the bridge"] - half[era]
        rows.append((f"1+1, {era}: more by the bridge", fine(more), "1 ms at most"))
    return rows


def large(engine, parties, link, session):
    rows = []
    for what, code, field in [
        ("a result", f"'x' * {LARGE}", "result"),
        ("output in lines", f"for n in range({LARGE} // 1024): print('x' * 1023)", "stdout"),
    ]:
        bare, took, used = [], {party: [] for party in parties}, {party: [] for party in parties}
        size = 0
        for _ in range(LARGE_ROUNDS):
            began = time.perf_counter()
            answer = link.execute(code, result_type="AUTO")
            bare.append(time.perf_counter() - began)
            check_whole(answer[field])
            for party, client in parties.items():
                message = execute(client, code, session)
                cpu, began = engine.cpu_seconds(), time.perf_counter()
                body = client.exchange(message)
                took[party].append(time.perf_counter() - began)
                used[party].append(engine.cpu_seconds() - cpu)
                check_whole(tool_answer(read(body))[field])
                size = max(size, len(body))
        what = f"10 MiB of {what}"
        rows += median_and_least(f"{what}, the bare link, read and parsed", bare)
        for party, seconds in took.items():
            wanted = ["80 ms"] if "bridge" not in party else []
            rows += median_and_least(f"{what}, {party}", seconds, *wanted)
            rows += median_and_least(f"{what}, {party}, CPU of the engine", used[party])
        with answering(size) as (connection, request):
            seconds = [timed_echo(connection, request) for _ in range(LARGE_ROUNDS)]
        rows += median_and_least(f"the measuring itself, {size >> 10} KiB of an answer", seconds)
    return rows


def check_whole(text):
    if len(text) != LARGE:
        raise AssertionError(f"not whole: {len(text)} of {LARGE}")


def beside_a_busy_one(parties, one, two):
    """Calls to one session alone, and while another one is busy."""
    client, other = parties["modern"], parties["legacy"]
    alone = until(time.perf_counter() + BUSY_S, client, one)
    other.connection.socket.sendall(execute(other, f"import time; time.sleep({BUSY_S})", two))
    beside = until(time.perf_counter() + BUSY_S, client, one)
    tool_answer(read(other.connection.answer()))
    return [
        *median_and_99th(f"1+1 for {BUSY_S} s, alone", alone),
        *median_and_99th(
            f"1+1 for {BUSY_S} s, another session busy", beside, "as alone", "as alone"
        ),
    ]


def until(end, client, session):
    seconds = []
    while time.perf_counter() < end:
        seconds.append(timed_call(client, "execute_code", code="1+1", session=session)[0])
    return seconds


def deaths(client, engine, folder):
    took = []
    for number in range(DEATHS):
        sign = folder / f"running{number}"
        code = f"import time; open({str(sign)!r}, 'w').close(); time.sleep(60)"
        with Sim.start("2025", *SIM, folder=folder, programs=engine.studio) as sim:
            session = f"maya-{sim.pid}"
            end = time.monotonic() + DYING_DEADLINE
            while phase(client, session) != "ready" and time.monotonic() < end:
                time.sleep(0.02)
            client.connection.socket.sendall(execute(client, code, session))
            while not sign.exists() and time.monotonic() < end:
                time.sleep(0.02)
            began = time.perf_counter()
            os.kill(sim.pid, 9)
            result = read(client.connection.answer())
            took.append(time.perf_counter() - began)
            if not result["isError"]:
                raise AssertionError(f"an answer of the dead: {result}")
    what = "Maya killed in mid-call: the call ends"
    return [
        (f"{what}, median of {DEATHS}", milliseconds(statistics.median(took)), "within 200 ms"),
        (f"{what}, longest", milliseconds(max(took)), "within 200 ms"),
    ]


def phase(client, session):
    sessions = client.call("list_sessions")["sessions"]
    return next((one["phase"] for one in sessions if one["session"] == session), None)
