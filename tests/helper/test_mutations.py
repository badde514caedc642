"""Ten thousand wrong frames: an error to whoever sent it, and nobody else notices."""

import contextlib
import json
import random
import struct
from pathlib import Path

from engine import Engine, proof, secret_id

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "helper-protocol"
ROUNDS = 10000
HARMLESS = 4  # Kinds of mutation after which the connection must still stand.
KEYS = ["id", "method", "params", "code", "events", "names", "boot", "nonce", "timeout_s", "x"]


def test_ten_thousand_mutations_harm_nobody(maya, bring_in):
    watching = bring_in(client="watching")
    numbers = random.Random(20261121)
    seeds = requests()
    culprit = joined(watching)
    for round_ in range(ROUNDS):
        kind = numbers.randrange(8)
        culprit.socket.sendall(mutated(numbers, seeds, kind))
        if kind >= HARMLESS:  # It may be cut off now, or waits for the rest of a frame.
            culprit.close()
            culprit = joined(watching) if kind % 2 else Engine(watching.socket.getpeername()[1])
            if not kind % 2:
                send(culprit, mutated(numbers, seeds, numbers.randrange(8)))
                culprit.close()
                culprit = joined(watching)
        elif round_ % 100 == 0:
            culprit.number += 100000
            assert culprit.call("ping") is not None, round_
        if round_ % 500 == 0:
            assert watching.execute(f"{round_} + 1")["result"] == round_ + 1, round_
    culprit.close()
    assert watching.execute("print('whole')")["stdout"] == "whole\n"
    assert joined(watching).call("ping") is not None, "and it takes new ones"
    assert not maya.errors, "nothing was raised in Maya's own loop"


def requests():
    """Requests that are right, and some that are refused."""
    rows = json.loads((FIXTURES / "requests.json").read_text(encoding="utf-8"))["rows"]
    right = [
        {"id": 1, "method": "execute", "params": {"code": "1+1", "timeout_s": 5}},
        {"id": 2, "method": "cancel", "params": {"id": 1}},
        {"id": 3, "method": "ping", "params": {}},
        {"id": 4, "method": "subscribe", "params": {"events": ["selection", "output"]}},
        {"id": 5, "method": "select", "params": {"names": ["persp"], "mode": "add"}},
        {"id": 6, "method": "write_module", "params": {"name": "a.b", "code": "x = 1"}},
        {"id": 7, "method": "viewport", "params": {"width": 64, "height": 64}},
        {"id": 8, "method": "undo", "params": {"expected": "x"}},
        {"id": 9, "method": "scene", "params": {}},
        {"id": 10, "method": "replace", "params": {"boot": "/nowhere", "nonce": "0"}},
        {"id": 11, "method": "open_port", "params": {"client": "x"}},
        {"hello": {"protocol": 1, "nonce": "ab" * 32, "secret": "00000000"}},
        {"proof": "00" * 32},
    ]
    # One that is meant to take the helper out does just that.
    return right + [row["request"] for row in rows if row["request"].get("method") != "leave"]


def joined(watching):
    """A connection that has proven itself."""
    engine = Engine(watching.socket.getpeername()[1])
    engine.prove(watching.secret, "culprit")
    return engine


def send(engine, data):
    with contextlib.suppress(OSError):  # Cut off already.
        engine.socket.sendall(data)


def mutated(numbers, seeds, kind):
    """The bytes of a frame, right but for something."""
    message = json.loads(json.dumps(numbers.choice(seeds)))
    if kind < HARMLESS:
        replace_something(numbers, message)
    body = json.dumps(message, ensure_ascii=numbers.random() < 0.5).encode("utf-8", "replace")
    head = struct.pack(">II", len(body), 0)
    if kind == 4:  # Bytes that are not the ones that were meant.
        body = bytearray(body)
        for _ in range(numbers.randrange(1, 6)):
            body[numbers.randrange(len(body))] = numbers.randrange(256)
    if kind == 5:  # A length that is another.
        head = struct.pack(">II", max(0, len(body) + numbers.randrange(-9, 9)), 0)
    if kind == 6:  # A binary part where none belongs, or less of it than was said.
        head = struct.pack(">II", len(body), numbers.randrange(70000))
        body += b"\xff" * numbers.randrange(70000)
    if kind == 7:  # Anything.
        return numbers.getrandbits(8 * 64).to_bytes(64, "big")
    return head + bytes(body)


def replace_something(numbers, message):
    """Somewhere in it, another value."""
    place = message
    while True:
        key = numbers.choice([*place, *KEYS]) if isinstance(place, dict) else None
        if key is None:
            return
        inner = place.get(key)
        if isinstance(inner, dict) and inner and numbers.random() < 0.7:
            place = inner
            continue
        place[key] = something(numbers)
        return


def something(numbers):
    choices = [
        None, True, -1, 0, 1e308, 2**63, 2**64, 10**40, "", "x", "\0", "\ud800", "ü" * 200, [], {},
        [[[]]], [None], ["x", 1], {"a": {"b": []}}, float("nan"), float("inf"), "1/0",
    ]  # fmt: skip
    return numbers.choice(choices)


def test_code_with_a_nul_or_half_a_character_is_an_error_in_the_code(bring_in):
    engine = bring_in()
    assert engine.execute("1\0")["error"]["type"] in ("ValueError", "SyntaxError")
    engine.send({"id": 900, "method": "execute", "params": {"code": "'\ud800'"}})
    error = engine.answer(900)["result"]["error"]
    assert error is None or error["type"] in ("SyntaxError", "UnicodeEncodeError")
    assert engine.execute("1+1")["result"] == 2


def test_the_proofs_own_messages_are_bounded(bring_in):
    watching = bring_in()
    engine = Engine(watching.socket.getpeername()[1])
    mine = "ab" * 32
    engine.send({"hello": {"protocol": 1, "nonce": mine, "secret": secret_id(watching.secret)}})
    theirs = engine.receive()["challenge"]["nonce"]
    right = proof(bytes.fromhex(watching.secret), "engine", theirs, mine)
    engine.send({"proof": right, "client": "x" * 300})
    assert engine.ends()
    assert watching.event("stranger")["why"] == "no name of a client"
    engine.close()
