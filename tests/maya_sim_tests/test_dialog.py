"""The security dialog: modal, for each message, answered by a script or not at all."""

import socket

import pytest

from maya_sim.client import connect, read_reply

ASKING = ("--default-port", "off", "--command-port", "python:0+warn")


@pytest.fixture(params=[False, True], ids=["plain", "qt"])
def asking(start, request):
    """A Maya whose port asks, with and without Qt."""
    return lambda *more: start(*ASKING, *more, qt=request.param)


def test_allow_is_for_one_message(asking):
    sim = asking("--dialog", "allow")
    with connect(sim.port("python")) as client:
        for number in (b"1", b"2"):
            client.sendall(number)
            assert read_reply(client) == number.decode()
    assert len(sim.control("state")["dialogs"]["history"]) == 2


def test_allow_all_is_for_the_port_until_it_closes(asking):
    sim = asking("--dialog", "allow-all")
    for number in "123":
        assert sim.send(sim.port("python"), number) == number
    assert len(sim.control("state")["dialogs"]["history"]) == 1


def test_deny_says_so_and_closes(asking):
    sim = asking("--dialog", "deny,allow")
    with connect(sim.port("python")) as client:
        client.sendall(b"1")
        assert read_reply(client) == "Execution denied by Maya"
        assert client.recv(1) == b""
    assert sim.send(sim.port("python"), "2") == "2", "the next answer of the script"
    assert sim.control("state")["ports"][0]["denied"] == 1


def test_the_dialog_shows_the_first_300_characters(asking):
    sim = asking("--dialog", "allow")
    sim.send(sim.port("python"), "'" + "a" * 400 + "'")
    shown = sim.control("state")["dialogs"]["history"][0]
    assert shown["title"] == "Maya Security Warning"
    assert shown["text"].endswith("'" + "a" * 299 + "...")


def test_without_an_answer_the_dialog_waits_and_maya_with_it(asking):
    sim = asking("--command-port", "python:0")
    with connect(sim.port("python")) as client:
        client.sendall(b"1")
        assert sim.control("wait_dialog")["open"]["answer"] is None
        with pytest.raises(socket.timeout):
            sim.send(sim.ports[1]["address"], "2", deadline=0.1)
        assert sim.control("answer", answer="allow") == {"answered": True}
        assert read_reply(client) == "1"
    assert sim.send(sim.ports[1]["address"], "3") == "3", "the other port is served again"


def test_escape_means_deny(asking):
    sim = asking()
    with connect(sim.port("python")) as client:
        client.sendall(b"1")
        sim.control("wait_dialog")
        assert sim.control("dismiss") == {"dismissed": "Maya Security Warning"}
        assert read_reply(client) == "Execution denied by Maya"


def test_a_delayed_answer_comes(asking):
    sim = asking("--dialog", "allow", "--dialog-delay", "0.05")
    assert sim.send(sim.port("python"), "1") == "1"


def test_the_script_of_answers_can_be_changed(asking):
    sim = asking()
    sim.control("dialog", answers=["allow"])
    assert sim.send(sim.port("python"), "1") == "1"
