"""Without a port of our own: the helper by way of Maya's command ports."""

import base64
import json

import pytest

from port_engine import PortEngine

pytest.importorskip("PySide6")  # Only the Python that has it runs the simulator.
client = pytest.importorskip("maya_sim.client")


@pytest.fixture(params=["split", "close"])
def sim(request):
    extra = ["--default-port", "off", "--command-port", "python:0"]
    with client.Sim.start("2025", *extra, "--limit-mode", request.param) as sim:
        yield sim


def join(sim, home):
    """A link after a bootstrap over the artist's command port."""
    nonce, _ = home.invite(link="command-port")
    boot = ascii(str(home.path / "boot.py"))
    line = f"__import__('runpy').run_path({boot})['connect']('{nonce}')"
    reply = json.loads(sim.send(sim.port("python"), line))
    assert "error" not in reply, reply
    return PortEngine(reply["port"], reply["key"])


def output_of(engine, number):
    pieces = [
        base64.b64decode(event["binary"]).decode("utf-8")
        for event in engine.events
        if event.get("event") == "output" and event["params"]["id"] == number
    ]
    return "".join(pieces)


def ports_of(sim):
    return {port["address"] for port in sim.control("state")["ports"]}


def test_maya_listens_on_its_own_ports_only_and_all_of_them_are_closed_again(sim, home):
    before = ports_of(sim)
    engine = join(sim, home)
    told = engine.call("open_port", client="claude")["result"]
    assert 50000 <= told["port"] <= 60000
    claude = PortEngine(told["port"], told["key"])
    assert len(ports_of(sim)) == len(before) + 2
    for joined in (engine, claude):
        assert joined.call("execute", code="1+1")["result"]["result"] == 2
    assert engine.call("leave") == {"id": engine.number, "result": {}}
    sim.until(lambda _: ports_of(sim) == before)
    left = "[n for n in __import__('sys').modules if n.startswith('maya_mcp')]"
    sim.until(lambda _: sim.send(sim.port("python"), left) == "[]")
    assert sim.control("script_editor")["errors"] == ""
    engine.close()
    claude.close()


def test_the_welcome_comes_with_the_first_answer(sim, home):
    engine = join(sim, home)
    engine.call("ping")
    assert engine.events[0]["welcome"]["maya_version"] == "2025"
    engine.close()


def test_clients_have_their_own_variables_and_output(sim, home):
    engine = join(sim, home)
    one, other = (
        PortEngine(**engine.call("open_port", client=name)["result"]) for name in ("a", "b")
    )
    answer = one.call("execute", code="kept = 5\nprint('mine: ü中')")
    assert answer["result"]["error"] is None
    assert output_of(one, one.number) == "mine: ü中\n"
    assert one.call("execute", code="kept")["result"]["result"] == 5
    assert other.call("execute", code="kept")["result"]["error"]["type"] == "NameError"
    assert not other.events
    for joined in (engine, one, other):
        joined.close()


def test_what_is_longer_than_mayas_buffer_goes_in_pieces_both_ways(sim, home):
    engine = join(sim, home)
    text = "".join(f"'\\{number}\u4e2d\"" for number in range(2000))
    code = f"text = {ascii(text)}\nprint(len(text))\ntext"
    answer = engine.call("execute", code=code)
    assert answer["result"]["result"] == text
    assert output_of(engine, engine.number) == f"{len(text)}\n"
    engine.close()


def test_a_script_over_its_time_is_stopped_here_too(sim, home):
    engine = join(sim, home)
    answer = engine.call("execute", code="while True: pass", timeout_s=0.1)
    assert answer["result"]["error"]["type"] == "TimedOut"
    engine.close()


def test_scene_events_come_with_the_next_answer(sim, home, tmp_path):
    engine = join(sim, home)
    path = str(tmp_path / "shot.ma")
    sim.control("scene", op="save", path=path)
    sim.until(lambda _: engine.call("ping") and any("event" in told for told in engine.events))
    told = [event for event in engine.events if event.get("event") == "scene"]
    assert told[0]["params"]["scene_path"] == path
    engine.close()


def test_what_is_no_request_is_an_error_and_a_key_that_is_none_is_nothing(sim, home):
    engine = join(sim, home)
    assert '"BadParams"' in engine.line("port", "{nonsense")
    assert '"BadParams"' in engine.line("port", "[]")
    assert engine.line("more") == "=[]"
    engine.key = "0"
    for function, texts in [("port", ["{}"]), ("piece", ["x"]), ("more", [])]:
        assert engine.line(function, *texts) == "!"
    assert sim.control("script_editor")["errors"] == ""
    engine.close()


def patch(sim, module, **values):
    """Sets constants of the helper in there."""
    for name, value in values.items():
        sim.control(
            "eval", code=f"setattr(sys.modules['maya_mcp_helper.{module}'], {name!r}, {value!r})"
        )


@pytest.fixture
def has_sys(sim):
    sim.control("eval", code="import sys")


def test_an_engine_that_is_gone_loses_its_ports_and_no_other(sim, home, has_sys):
    before = ports_of(sim)
    gone, staying = join(sim, home), join(sim, home)
    assert len(ports_of(sim)) == len(before) + 2
    gone.close()
    patch(sim, "ports", LONELY_S=0.3, AGAIN_S=0.1)
    sim.until(lambda _: staying.call("ping") and len(ports_of(sim)) == len(before) + 1)
    assert staying.call("execute", code="1+1")["result"]["result"] == 2
    staying.close()
    sim.until(lambda _: ports_of(sim) == before)


def test_an_engine_that_waits_for_a_busy_maya_keeps_its_ports(sim, home, has_sys):
    engine = join(sim, home)
    patch(sim, "ports", LONELY_S=0.3, AGAIN_S=0.3)
    sim.control("busy", seconds=1.5, gil=False)
    assert engine.call("execute", code="1+1")["result"]["result"] == 2
    engine.close()


def test_what_nobody_fetches_is_bounded_and_counted(sim, home, has_sys):
    engine = join(sim, home)
    engine.call("ping")
    patch(sim, "output", LIMIT=1 << 16)
    patch(sim, "ports", CROWDED=1 << 16)
    answer = engine.call("execute", code="for n in range(3000): print('x' * 99)")
    printed = output_of(engine, engine.number)
    assert answer["result"]["dropped"] > 0
    assert len(printed) + answer["result"]["dropped"] == 3000 * 100
    engine.close()


def test_what_the_code_tells_of_its_progress_comes_with_the_answer(sim, home):
    engine = join(sim, home)
    engine.call("execute", code="for n in range(1000): report_progress(n, 999, 'Reading')")
    told = [event["params"] for event in engine.events if event.get("event") == "progress"]
    whole = {"id": engine.number, "progress": 999, "total": 999, "message": "Reading"}
    assert told[-1] == whole, "the last, whatever was left out"
    engine.close()


def test_a_request_that_is_taken_back_before_its_end_never_runs(sim, home):
    engine = join(sim, home)
    request = json.dumps({"id": 5, "method": "execute", "params": {"code": "ran = 1"}})
    assert engine.line("piece", request[:20]) == "ok"
    assert engine.line("port", "")[0] == "="
    assert engine.call("execute", code="ran")["result"]["error"]["type"] == "NameError"
    engine.close()
