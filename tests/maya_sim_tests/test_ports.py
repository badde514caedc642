"""Command ports: one client at a time, odd framing, odder replies."""

import os
import socket
import time

import pytest

from maya_sim.client import connect, read_reply


@pytest.mark.parametrize(
    ("sent", "reply", "why"),
    [
        ("1+1", "2", "one line is evaluated"),
        ("'a'", "a", "str, not repr"),
        ("x = 1; x", "None", "a statement has no value"),
        ("x = 1\nx", "None", "several lines have none either"),
        ("1/0", "division by zero", "an error is its message only"),
        ('python("1")', "name 'python' is not defined", "how a probe tells the language"),
        ('/* hello */ python("1")', "invalid syntax (<string>, line 1)", "a comment of MEL"),
        ("\0 2 \0", "2", "NULs and spaces are stripped"),
        ("'é'", "é", "UTF-8 both ways"),
        ("__import__('maya').cmds.ls(typo=1)", "Invalid flag 'typo'", "flags are checked"),
        (
            "__import__('maya').cmds.teapot()",
            "module 'maya.cmds' has no attribute 'teapot'",
            "what is not there is not there",
        ),
    ],
)
def test_a_python_port_answers_like_maya(python_port, sent, reply, why):
    assert python_port(sent) == reply, why


def test_a_python_port_shows_no_error_in_the_script_editor(start):
    sim = start("--default-port", "off", "--command-port", "python:0")
    sim.send(sim.port("python"), 'python("1")')
    assert sim.control("script_editor")["errors"] == ""


@pytest.mark.parametrize(
    ("code", "times"),
    [("print('x')", 2), ("[print('x')]", 1), ("(print('x'), 1/0)", 2), ("print('x')\n1", 1)],
)
def test_an_expression_without_a_value_runs_twice(start, code, times):
    sim = start("--default-port", "off", "--command-port", "python:0")
    sim.send(sim.port("python"), code)
    assert sim.control("script_editor")["output"] == "x\n" * times


def test_names_do_not_survive_a_message_but_main_does(python_port):
    python_port("kept = 1")
    assert python_port("kept") == "name 'kept' is not defined"
    python_port("import __main__; __main__.kept = 5")
    assert python_port("__import__('__main__').kept") == "5"


def test_a_function_does_not_see_what_its_message_imported(python_port):
    assert python_port("import os\ndef f():\n  return os.name\nf()") == "name 'os' is not defined"


@pytest.mark.parametrize(
    ("sent", "replies", "why"),
    [
        ("about -v", ["2025"], "a command with a flag"),
        ('python("1+1")', ["2"], "Python inside MEL"),
        ('/* who asks */ python("\'a\\\\n\\"b\'")', ['a\n"b'], "comments, and escapes twice over"),
        ('python("x=1\\nx")', [""], "several lines have no value"),
        ('about -v\nprint "hi"\nabout -batch', ["2025", "", "0"], "every line by itself"),
        ('polyCube -name "box"', ["box\tpolyCube1"], "a list is tab-joined"),
        ("file -q -sn", [""], "an empty string"),
        ("about -v; about -batch", ["0"], "the last value of a line"),
    ],
)
def test_a_mel_port_answers_like_maya(start, sent, replies, why):
    sim = start("--default-port", "off", "--command-port", "mel:0")
    with connect(sim.port("mel")) as client:
        client.sendall(sent.encode())
        assert read_reply(client, len(replies)).split("\n\0") == replies, why


def test_a_mel_error_is_replied_and_shown(start):
    sim = start("--default-port", "off", "--command-port", "mel:0")
    reply = sim.send(sim.port("mel"), "teapot")
    assert 'Cannot find procedure "teapot".' in reply
    assert 'Error: Cannot find procedure "teapot".' in sim.control("script_editor")["errors"]


def test_a_second_client_waits_and_its_message_runs_even_after_it_left(start):
    sim = start("--default-port", "off", "--command-port", "python:0")
    address = sim.port("python")
    with connect(address) as first:
        first.sendall(b"1")
        assert read_reply(first) == "1"
        with connect(address, deadline=0.2) as second:
            second.sendall(b"print('late')\n")
            with pytest.raises(socket.timeout):
                second.recv(1)
        assert sim.control("script_editor")["output"] == "", "not yet"
    sim.until(lambda state: state["ports"][0]["commands"] == 2)
    assert sim.control("script_editor")["output"].startswith("late")


def test_a_full_buffer_stalls(start):
    sim = start("--default-port", "off", "--command-port", "python:0")
    began = time.monotonic()
    assert sim.send(sim.port("python"), "1".ljust(4096)) == "1"
    assert time.monotonic() - began >= 1.4, "the read went on, and nothing came"


def test_split_mode_breaks_a_long_message(start):
    sim = start("--default-port", "off", "--command-port", "python:0")
    with connect(sim.port("python")) as client:
        client.sendall(("len('" + "a" * 200_000 + "')").encode())
        assert read_reply(client) != "200000"


def test_close_mode_hangs_up_on_a_long_message(start):
    sim = start("--default-port", "off", "--limit-mode", "close", "--command-port", "python:0")
    assert sim.send(sim.port("python"), "1".ljust(5000)) == "", "no reply, only the end"


def test_close_mode_replaces_a_long_result(start):
    sim = start("--default-port", "off", "--limit-mode", "close", "--command-port", "python:0")
    assert "exceeds" in sim.send(sim.port("python"), "'a' * 5000")


def test_broken_utf8_ends_the_connection(start):
    sim = start("--default-port", "off", "--command-port", "python:0")
    with connect(sim.port("python")) as client:
        client.sendall(b"'\xff'")
        assert client.recv(10) == b""
    assert "UTF-8" in sim.control("script_editor")["errors"]


def test_echo_answers_once_and_then_poisons_the_port(start):
    sim = start("--default-port", "off", "--echo", "--command-port", "python:0")
    address = sim.port("python")
    assert sim.send(address, "print('a'), print('b')") == "(None, None)"
    sim.until(lambda state: not state["ports"][0]["connected"])
    assert "TypeError" in sim.control("script_editor")["errors"]
    assert sim.send(address, "1") == "", "a later connection ends before it said a word"


def test_a_clients_exit_ends_the_port_but_not_maya(start):
    sim = start("--default-port", "off", "--command-port", "python:0")
    assert sim.send(sim.port("python"), "__import__('sys').exit(3)") == "", "hung up on"
    with pytest.raises(socket.timeout):
        sim.send(sim.port("python"), "1", deadline=0.2)
    assert sim.control("eval", code="1")["value"] == 1


def test_a_later_maya_steals_the_socket(start):
    first, second = start(version="2024"), start()
    assert first.port("mel") == second.port("mel")
    second.control("dialog", answers=["allow"])
    assert second.send(second.port("mel"), "about -v") == "2025", "the later one answers"


def test_the_first_maya_takes_the_stolen_socket_away_when_it_closes_its_port(start):
    first, second = start(version="2024"), start()
    first.control("close_port", name="commandportDefault")
    assert not os.path.exists(second.port("mel")), "it removes by path, whoever owns it now"


def test_a_second_maya_on_windows_gets_no_port(start):
    number = _free_port()
    arguments = ("--default-port", "windows", "--windows-port", str(number))
    first, second = start(*arguments), start(*arguments)
    assert first.port("mel") == f"127.0.0.1:{number}"
    assert second.ports == []
    assert "that name is in use" in second.control("script_editor")["errors"]


def test_closing_a_port_lets_its_client_speak_once_more(start):
    sim = start("--default-port", "off", "--command-port", "python:0")
    with connect(sim.port("python")) as client:
        client.sendall(b"1")
        assert read_reply(client) == "1"
        sim.control("close_port", name=sim.ports[0]["name"])
        client.sendall(b"2")
        assert read_reply(client) == "2"
        assert client.recv(1) == b""


def test_a_port_can_be_cut_under_its_client(start):
    sim = start("--default-port", "off", "--command-port", "python:0")
    with connect(sim.port("python")) as client:
        client.sendall(b"1")
        assert read_reply(client) == "1"
        sim.control("close_port", name=sim.ports[0]["name"], abrupt=True)
        assert client.recv(1) == b""


def test_ports_come_by_command_too(start):
    sim = start("--default-port", "off", "--command-port", "python:0")
    ask = "__import__('maya').cmds.commandPort({})".format
    address = sim.port("python")
    sim.send(address, ask("name='extra', sourceType='python'"))
    assert sim.send(address, ask("'extra', q=True")) == "True"
    assert sim.send(f"{sim.folder}/extra", "3") == "3"
    assert "already active" in sim.send(address, ask("name='extra'"))
    sim.send(address, ask("name='extra', close=True"))
    assert not os.path.exists(f"{sim.folder}/extra")
    assert "invalid port" in sim.send(address, ask("name=':0'"))


@pytest.mark.parametrize(
    ("kind", "reply"), [("http", b"HTTP/1.1 400"), ("closing", b""), ("silent", None)]
)
def test_other_listeners_behave_badly_in_their_own_way(start, kind, reply):
    sim = start("--default-port", "off", "--other-listener", kind)
    with connect(sim.others[0]["address"], deadline=0.2) as client:
        try:
            client.sendall(b"about -v")
            answer = client.recv(12)
        except TimeoutError:
            answer = None
        except ConnectionError:
            answer = b""
    assert answer == reply


@pytest.fixture
def python_port(start):
    sim = start("--default-port", "off", "--command-port", "python:0")
    return lambda text: sim.send(sim.port("python"), text)


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
