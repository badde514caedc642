"""Who gets in: the shared vectors, and everyone who must not."""

import json
import os
import socket
import struct
from pathlib import Path

import pytest

import engine as engine_side
from engine import Engine

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "helper-protocol"


def shared(name):
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


def test_the_shared_proofs_are_the_helpers(maya, engine):
    from maya_mcp_helper import proof

    for row in shared("proofs.json")["vectors"]:
        secret = bytes.fromhex(row["secret"])
        assert proof.secret_id(secret) == row["secret_id"]
        handshake = proof.Handshake({row["secret_id"]: secret}, row["helper_nonce"])
        hello, challenge, answer = row["messages"]
        assert handshake.receive(hello) == challenge
        assert challenge["challenge"]["proof"] == row["helper_proof"]
        assert answer == {"proof": row["engine_proof"]}
        assert handshake.receive(answer) is None, "the engine has proven itself"


def test_the_shared_frames_are_read_and_written(engine):
    from maya_mcp_helper import frames

    for row in shared("frames.json")["good"]:
        data, binary = bytes.fromhex(row["frame"]), bytes.fromhex(row["binary"])
        assert b"".join(frames.pack(row["text"], binary)) == data, row["name"]
        reader = frames.Reader()
        reader.limits = frames.AFTER_WELCOME
        for byte in data[:-1]:
            feed(reader, bytes([byte]))
            assert reader.take() is None, row["name"]
        feed(reader, data[-1:] + data)
        assert reader.take() == (row["json"], binary), row["name"]
        assert reader.take() == (row["json"], binary), row["name"]
        assert reader.take() is None, row["name"]


class Wire:
    """A socket that has these bytes."""

    def __init__(self, data):
        self.data = memoryview(data)

    def recv_into(self, room):
        count = min(len(room), len(self.data))
        room[:count] = self.data[:count]
        self.data = self.data[count:]
        return count


def feed(reader, data):
    wire = Wire(data)
    while wire.data:
        reader.receive_from(wire)


def test_a_large_binary_part_is_read_whole_with_what_comes_behind_it(engine):
    from maya_mcp_helper import frames

    picture = bytes(range(256)) * (12 << 12)
    pieces = frames.encode({"id": 1}, picture)
    assert pieces[-1] is picture, "it goes out as it is"
    reader = frames.Reader()
    reader.limits = frames.AFTER_WELCOME
    feed(reader, b"".join(pieces) + b"".join(frames.encode({"id": 2}, b"small")))
    message, binary = reader.take()
    assert (message, bytes(binary)) == ({"id": 1}, picture)
    assert reader.take() == ({"id": 2}, b"small")
    assert reader.take() is None


def test_what_is_set_aside_for_a_frame_is_bounded_by_what_has_come(engine):
    from maya_mcp_helper import frames

    reader = frames.Reader()
    reader.limits = frames.AFTER_WELCOME
    feed(reader, frames.HEADER.pack(2, 256 << 20) + b"{}")
    assert reader.take() is None
    assert len(reader._buffer) <= frames.SMALL
    feed(reader, b"x" * (1 << 20))
    assert reader.take() is None
    assert len(reader._buffer) <= 3 << 20


@pytest.mark.parametrize("row", shared("frames.json")["bad"], ids=lambda row: row["name"])
def test_a_bad_frame_ends_the_connection_and_no_other(bring_in, row):
    watching = bring_in()
    culprit = Engine(port_of(watching)) if row["when"] == "before_welcome" else bring_in()
    culprit.socket.sendall(bytes.fromhex(row["frame"]))
    assert culprit.ends(), row["name"]
    assert not culprit.answers, "without a word"
    assert watching.execute("1+1")["result"] == 2
    if row["when"] == "before_welcome":
        assert watching.event("stranger")["address"] == address_of(culprit)
    culprit.close()


def port_of(engine):
    return engine.socket.getpeername()[1]


def address_of(engine):
    return "{}:{}".format(*engine.socket.getsockname())


HELLO = {"protocol": 1, "nonce": "ab" * 32}


@pytest.mark.parametrize(
    "first, why",
    [
        ({}, "no hello"),
        ({"proof": "00" * 32}, "no hello"),
        ({"id": 1, "method": "execute", "params": {"code": "1"}}, "no hello"),
        ({"hello": 1}, "no hello"),
        ({"hello": dict(HELLO, protocol="1")}, "no protocol"),
        ({"hello": dict(HELLO, nonce="AB" * 32)}, "no nonce"),
        ({"hello": dict(HELLO, nonce="ab")}, "no nonce"),
        ({"hello": dict(HELLO, nonce=None)}, "no nonce"),
        ({"hello": HELLO}, "unknown secret"),
        ({"hello": dict(HELLO, secret=["x"])}, "unknown secret"),
        ({"hello": dict(HELLO, secret="00000000")}, "unknown secret"),
    ],
)
def test_whoever_does_not_say_hello_properly_is_cut_off_without_a_word(engine, first, why):
    stranger = Engine(port_of(engine))
    stranger.send(first)
    assert stranger.receive() is None
    told = engine.event("stranger")
    assert told == {"address": address_of(stranger), "why": why}
    stranger.close()


@pytest.mark.parametrize("offered", ["00" * 32, "", "é" * 64, "x" * 64, None, 7, ["a"], "٣" * 64])
def test_a_wrong_proof_is_cut_off_without_a_word(engine, offered):
    stranger = Engine(port_of(engine))
    stranger.send({"hello": dict(HELLO, secret=engine_side.secret_id(engine.secret))})
    assert "challenge" in stranger.receive()
    stranger.send({"proof": offered})
    assert stranger.receive() is None
    assert engine.event("stranger")["why"] in ("wrong proof", "no proof")
    stranger.close()


def test_a_proof_of_another_connection_is_worth_nothing(engine):
    key = bytes.fromhex(engine.secret)
    hello = {"hello": dict(HELLO, secret=engine_side.secret_id(engine.secret))}
    first = Engine(port_of(engine))
    first.send(hello)
    overheard = engine_side.proof(
        key, "engine", first.receive()["challenge"]["nonce"], HELLO["nonce"]
    )
    first.send({"proof": overheard})
    assert "welcome" in first.receive()
    second = Engine(port_of(engine))
    second.send(hello)
    second.receive()
    second.send({"proof": overheard})
    assert second.receive() is None
    assert engine.event("stranger")["why"] == "wrong proof"
    first.close()
    second.close()


def test_the_helpers_own_proof_does_not_open_the_helper(engine):
    stranger = Engine(port_of(engine))
    stranger.send({"hello": dict(HELLO, secret=engine_side.secret_id(engine.secret))})
    stranger.send({"proof": stranger.receive()["challenge"]["proof"]})
    assert stranger.receive() is None
    stranger.close()


@pytest.mark.parametrize("half", ["nothing", "half a frame", "half a handshake"])
def test_silence_is_cut_off_after_the_time_for_a_handshake(engine, half, monkeypatch):
    import maya_mcp_helper.server as server

    monkeypatch.setattr(server, "HANDSHAKE_S", 0.1)
    silent = Engine(port_of(engine))
    if half == "half a frame":
        silent.socket.sendall(struct.pack(">II", 100, 0) + b"{")
    if half == "half a handshake":
        silent.send({"hello": dict(HELLO, secret=engine_side.secret_id(engine.secret))})
        assert "challenge" in silent.receive()
    assert silent.receive() is None
    assert engine.event("stranger")["why"] == "no proof in time"
    silent.close()


def test_somebody_who_only_knocks_is_told_of(engine):
    stranger = Engine(port_of(engine))
    address = address_of(stranger)
    stranger.close()
    assert engine.event("stranger") == {"address": address, "why": "hung up"}


def test_a_crowd_of_silent_strangers_does_not_keep_the_engine_out(bring_in, engine, monkeypatch):
    import maya_mcp_helper.server as server

    monkeypatch.setattr(server, "HANDSHAKE_S", 60.0)
    crowd = [socket.create_connection(("127.0.0.1", port_of(engine))) for _ in range(40)]
    for _ in range(40 - 16):
        assert engine.event("stranger")["why"] == "too many at once"
    assert bring_in().execute("1+1")["result"] == 2
    for stranger in crowd:
        stranger.close()
    assert engine.execute("1+1")["result"] == 2


def test_requests_sent_along_with_the_proof_are_answered(engine):
    key = bytes.fromhex(engine.secret)
    mine = os.urandom(32).hex()
    eager = Engine(port_of(engine))
    eager.send({"hello": dict(HELLO, nonce=mine, secret=engine_side.secret_id(engine.secret))})
    theirs = eager.receive()["challenge"]["nonce"]
    eager.send({"proof": engine_side.proof(key, "engine", theirs, mine)})
    eager.ask("ping")
    assert "welcome" in eager.receive()
    assert eager.answer(1)["result"] == {"main_waiting_ms": 0}
    eager.close()
