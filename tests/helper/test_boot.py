"""The loader: one line goes in, one line comes out, whatever it finds."""

import json
import socket
import sys
import types

import pytest

from conftest import PACKAGE
from engine import Engine

HOSTS = ("127.0.0.1", "127.0.0.2")


def replies(maya, home, nonce):
    """The reply as an object, after a look at its form."""
    text = maya.do(lambda: home.connect(nonce))
    assert isinstance(text, str)
    assert text.encode("ascii")
    assert "\n" not in text
    reply = json.loads(text)
    assert reply["maya_mcp"] == 1
    assert reply["pid"] > 0
    return reply


def test_the_reply_tells_where_the_helper_listens(maya, home):
    nonce, secret = home.invite()
    reply = replies(maya, home, nonce)
    assert set(reply) == {"maya_mcp", "nonce", "pid", "port", "helper"}
    assert reply["nonce"] == nonce
    engine = Engine(reply["port"])
    assert engine.prove(secret)["helper_version"] == reply["helper"]
    engine.close()


def test_an_invitation_is_used_up_as_soon_as_it_is_read(maya, home):
    nonce, _ = home.invite()
    first = replies(maya, home, nonce)
    assert not list((home.path / "run").iterdir())
    second = replies(maya, home, nonce)
    assert second["error"]["type"] == "StaleInvitation"
    assert second["nonce"] == nonce
    assert "port" in first


@pytest.mark.parametrize(
    "nonce", ["../run/00", "", "AB", "zz", "0" * 65, "é", "a\n", None, 7.5, b"00", "\ud800"]
)
def test_a_nonce_that_is_none_opens_no_file(maya, home, nonce):
    assert replies(maya, home, nonce)["error"]["type"] == "BadInvitation"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"secret": 1, "helper": "b1"}',
        '{"secret": "ab", "helper": "b1"}',
        '{"secret": "%s", "helper": "../b1"}' % ("ab" * 32),
        '{"secret": "%s", "helper": ""}' % ("ab" * 32),
        '{"secret": "%s"}' % ("ab" * 32),
        "\x00",
        "[" * 3000,
    ],
)
def test_an_invitation_of_another_form_is_refused(maya, home, text):
    (home.path / "run" / "ab.json").write_text(text, encoding="utf-8")
    assert replies(maya, home, "ab")["error"]["type"] in ("BadInvitation", "RecursionError")
    assert PACKAGE not in sys.modules


def test_an_invitation_to_a_build_that_is_not_there_says_so(maya, home):
    nonce, _ = home.invite("missing")
    assert replies(maya, home, nonce)["error"]["type"] == "FileNotFoundError"
    assert PACKAGE not in sys.modules


def test_a_build_that_does_not_load_leaves_nothing(maya, home):
    package = home.install("b2")
    (package / "server.py").write_text("raise SystemExit('broken')", encoding="utf-8")
    nonce, _ = home.invite("b2")
    error = replies(maya, home, nonce)["error"]
    assert error == {"type": "SystemExit", "message": "broken"}
    assert not [name for name in sys.modules if name.startswith(PACKAGE)]


def test_the_same_build_is_kept_and_learns_the_secret(maya, home):
    first_nonce, first_secret = home.invite()
    second_nonce, second_secret = home.invite()
    first = replies(maya, home, first_nonce)
    second = replies(maya, home, second_nonce)
    assert first["port"] == second["port"]
    for secret in (first_secret, second_secret):
        engine = Engine(first["port"])
        engine.prove(secret)
        engine.close()


def test_a_host_that_is_not_here_is_told_and_ends_no_helper(maya, home):
    first = replies(maya, home, home.invite()[0])
    refused = replies(maya, home, home.invite(host="192.0.2.9")[0])
    assert refused["error"]["type"] == "OSError", "the reason"
    again = replies(maya, home, home.invite()[0])
    assert again["port"] == first["port"], "the helper at work is still the same"


def test_a_second_host_gets_a_port_of_its_own_and_both_close(maya, home):
    ports = {host: replies(maya, home, home.invite(host=host)[0])["port"] for host in HOSTS}
    for address in ports.items():
        socket.create_connection(address, 5).close()
    maya.do(lambda: sys.modules[PACKAGE].stop("left"))
    for address in ports.items():
        with pytest.raises(OSError):
            socket.create_connection(address, 5)


def test_sys_path_is_as_it_was(maya, home):
    before = list(sys.path)
    nonce, _ = home.invite()
    replies(maya, home, nonce)
    assert sys.path == before


class Raising(types.ModuleType):
    """A module that answers nothing but with an exception."""

    def __getattr__(self, name):
        raise SystemExit(name)


def broken_stop(_reason):
    raise KeyboardInterrupt


def module_of(**names):
    module = types.ModuleType(PACKAGE)
    module.__dict__.update(names)
    return module


@pytest.mark.parametrize(
    "present",
    [
        types.ModuleType(PACKAGE),
        Raising(PACKAGE),
        module_of(build="b1"),
        module_of(build="b1", connect=lambda: None, stop=broken_stop),
        module_of(build="b0", stop=lambda: None),
        module_of(build="b0", running=None, stop=print),
        object(),
        None,
    ],
)
def test_whatever_has_our_name_makes_room(maya, home, present, monkeypatch):
    sys.modules[PACKAGE] = present
    sys.modules[PACKAGE + ".old"] = present
    nonce, secret = home.invite()
    reply = replies(maya, home, nonce)
    assert "error" not in reply, reply
    assert PACKAGE + ".old" not in sys.modules
    engine = Engine(reply["port"])
    engine.prove(secret)
    assert engine.execute("1+1")["result"] == 2
    engine.close()


def test_a_helper_on_its_way_out_is_replaced_by_a_new_one(maya, home, bring_in):
    first = bring_in()
    leaving = sys.modules[PACKAGE]
    reached = []

    def while_it_leaves():
        """The main thread is busy with us, so the helper cannot tidy up yet."""
        first.call("leave")
        assert first.ends()
        nonce, secret = home.invite()
        reached.append((json.loads(home.connect(nonce)), secret))

    maya.do(while_it_leaves)
    reply, secret = reached[0]
    engine = Engine(reply["port"])
    engine.prove(secret)
    assert engine.execute("1+1")["result"] == 2
    maya.do(lambda: None)
    assert sys.modules[PACKAGE] is not leaving
    assert sys.modules[PACKAGE].running is not None, "the old one's end does not touch the new one"
    engine.close()
