"""Another build takes the place of the running one, and the session goes on."""

import json
import sys

import pytest

from conftest import PACKAGE
from engine import Engine


def replace(engine, home, build):
    """Asks over the link; gives the answer and a connection to the successor."""
    nonce, secret = home.invite(build)
    answer = engine.answer(engine.ask("replace", boot=str(home.path / "boot.py"), nonce=nonce))
    return answer, secret


def joined(port, secret, client=None):
    engine = Engine(port)
    engine.facts = engine.prove(secret, client)
    return engine


def test_over_the_link_and_the_variables_move_over(home, bring_in):
    old = bring_in()
    client = joined(old.socket.getpeername()[1], old.secret, "claude")
    client.execute("kept = {'a': 1}")
    home.install("b2")
    answer, secret = replace(old, home, "b2")
    assert old.event("goodbye") == {"reason": "replaced"}, "before the answer"
    assert old.ends()
    port = answer["result"]["port"]
    again = joined(port, secret, "claude")
    assert again.facts["build"] == "b2"
    assert again.execute("kept")["result"] == {"a": 1}
    assert client.ends(), "a client's connection ends with the old helper"
    again.close()
    client.close()


def test_the_same_build_stays_and_only_learns_the_secret(home, bring_in):
    engine = bring_in()
    answer, secret = replace(engine, home, "b1")
    assert answer["result"]["port"] == engine.socket.getpeername()[1]
    assert engine.execute("1+1")["result"] == 2
    joined(answer["result"]["port"], secret).close()


def test_a_build_that_does_not_load_leaves_the_old_one_at_work(home, bring_in):
    engine = bring_in()
    broken = home.install("b3")
    (broken / "door.py").write_text("raise RuntimeError('half written')\n", encoding="utf-8")
    answer, _ = replace(engine, home, "b3")
    assert answer["result"]["error"]["message"] == "half written"
    assert engine.execute("1+1")["result"] == 2
    assert sys.modules[PACKAGE].build == "b1"


def test_a_stale_invitation_changes_nothing(home, bring_in):
    engine = bring_in()
    boot = str(home.path / "boot.py")
    answer = engine.answer(engine.ask("replace", boot=boot, nonce="ab"))
    assert answer["result"]["error"]["type"] == "StaleInvitation"
    assert engine.execute("1+1")["result"] == 2


def test_what_is_no_loader_is_an_error_and_nothing_else(bring_in):
    engine = bring_in()
    answer = engine.answer(engine.ask("replace", boot="/nowhere/boot.py", nonce="ab"))
    assert answer["error"]["type"] == "FileNotFoundError"
    assert engine.execute("1+1")["result"] == 2


def test_it_waits_for_what_runs(maya, home, bring_in):
    engine = bring_in()
    home.install("b2")
    nonce, secret = home.invite("b2")
    running = engine.ask("execute", code="sum(range(200000))")
    number = engine.ask("replace", boot=str(home.path / "boot.py"), nonce=nonce)
    assert engine.answer(running)["result"]["result"] == sum(range(200000))
    port = engine.answer(number)["result"]["port"]
    joined(port, secret).close()


def test_a_helper_without_heritage_is_replaced_all_the_same(maya, home, bring_in, monkeypatch):
    bring_in()
    monkeypatch.delattr(sys.modules[PACKAGE], "heritage")
    home.install("b2")
    assert bring_in("b2").facts["build"] == "b2"


@pytest.mark.parametrize("params", [{}, {"boot": "x"}, {"boot": "x", "nonce": "y", "z": 1}])
def test_its_parameters_are_checked(bring_in, params):
    answer = bring_in()
    assert answer.answer(answer.ask("replace", **params))["error"]["type"] == "BadParams"


def test_the_first_reply_is_the_bootstraps_own(maya, home):
    nonce, _ = home.invite()
    reply = json.loads(maya.do(lambda: home.connect(nonce)))
    assert set(reply) == {"maya_mcp", "nonce", "pid", "port", "helper"}


def test_an_older_helper_that_inherits_nothing_takes_over_all_the_same(maya, home, bring_in):
    engine = bring_in()
    older = home.install("b0")
    text = (older / "__init__.py").read_text(encoding="utf-8")
    (older / "__init__.py").write_text(text.replace("def inherit", "def _inherit"), "utf-8")
    answer, secret = replace(engine, home, "b0")
    again = joined(answer["result"]["port"], secret)
    assert again.facts["build"] == "b0"
    again.close()


def test_a_build_that_cannot_listen_where_it_shall_leaves_the_old_one_at_work(maya, home, bring_in):
    engine = bring_in(client="claude")
    engine.execute("kept = 1")
    home.install("b2")
    nonce, _ = home.invite("b2", host="192.0.2.1")  # No address of this machine.
    reply = json.loads(maya.do(lambda: home.connect(nonce)))
    assert reply["error"]["type"] == "OSError"
    assert engine.execute("kept")["result"] == 1
    assert sys.modules[PACKAGE].build == "b1"


def test_an_engine_for_which_maya_opens_no_port_takes_nothing_from_another(maya, home, bring_in):
    engine = bring_in()
    nonce, _ = home.invite(link="command-port")  # The fake Maya has no command ports.
    reply = json.loads(maya.do(lambda: home.connect(nonce)))
    assert reply["error"]["type"] == "NoPort"
    assert engine.execute("1+1")["result"] == 2
