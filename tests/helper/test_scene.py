"""What the helper tells by itself: the scene, and whether Maya's main thread runs."""

import threading

import pytest


def in_maya(maya, **flags):
    """An action of the artist's."""
    import maya.cmds as cmds

    return maya.do(lambda: cmds.file(**flags))


def test_the_welcome_tells_the_facts(engine):
    facts = dict(engine.facts)
    assert facts.pop("host")
    assert isinstance(facts.pop("user"), str)
    assert facts.pop("pid") > 0
    assert facts.pop("python_version").count(".") == 2
    assert facts.pop("helper_version") == "0.1.0"
    assert facts.pop("build") == "b1"
    assert facts == {
        "maya_version": "2025",
        "qt": None,
        "batch": False,
        "scene_name": "",
        "scene_path": "",
        "modified": False,
    }


def test_the_scene_is_told_as_the_artist_changes_it(maya, bring_in):
    engines = [bring_in(), bring_in()]
    path = "/srv/Müller/shot_010.ma"

    def told(reason, name, path):
        for engine in engines:
            assert engine.event("scene") == {
                "reason": reason,
                "scene_name": name,
                "scene_path": path,
                "modified": False,
            }

    in_maya(maya, open=path)
    told("opened", "shot_010.ma", path)
    in_maya(maya, save=True)
    told("saved", "shot_010.ma", path)
    in_maya(maya, rename="C:\\scenes\\shot_011.ma")
    in_maya(maya, save=True)
    told("renamed", "shot_011.ma", "C:\\scenes\\shot_011.ma")
    in_maya(maya, new=True)
    told("new", "", "")


def test_the_facts_are_current_while_the_main_thread_works(maya, bring_in):
    first = bring_in()
    in_maya(maya, open="/srv/later.ma")
    first.event("scene")
    goes_on = threading.Event()
    maya.state.idle.put(lambda: goes_on.wait(20))
    from engine import Engine

    second = Engine(first.socket.getpeername()[1])
    assert second.prove(first.secret)["scene_name"] == "later.ma"
    second.close()
    goes_on.set()


def test_a_rename_by_a_client_is_told_without_a_save(engine):
    engine.execute("import maya.cmds as cmds\ncmds.file(rename='/srv/renamed.ma')")
    told = engine.event("scene")
    assert (told["reason"], told["scene_name"]) == ("renamed", "renamed.ma")


def test_a_scene_opened_by_a_client_is_told_once(engine):
    engine.execute("import maya.cmds as cmds\ncmds.file(open='/srv/a.ma')")
    engine.execute("1")
    engine.call("ping")
    scenes = [event for event in engine.events if event["event"] == "scene"]
    assert [event["params"]["reason"] for event in scenes] == ["opened"]


def test_a_maya_that_cannot_be_asked_is_no_obstacle(maya, bring_in, monkeypatch):
    import maya.api.OpenMaya as api
    import maya.cmds as cmds

    def broken(*args, **kwargs):
        raise RuntimeError("no")

    monkeypatch.setattr(cmds, "file", broken)
    monkeypatch.setattr(cmds, "undoInfo", broken)
    monkeypatch.setattr(api.MSceneMessage, "addCallback", broken)
    engine = bring_in()
    assert engine.facts["scene_name"] == ""
    assert engine.execute("1+1")["result"] == 2
    engine.call("leave")
    assert engine.ends()


@pytest.fixture
def busy(maya):
    """A main thread that is held up until the test lets it go."""
    goes_on = threading.Event()

    def hold():
        held = threading.Event()

        def wait():
            held.set()
            goes_on.wait(20)

        maya.state.idle.put(wait)
        assert held.wait(10)
        return goes_on

    yield hold
    goes_on.set()


def test_a_ping_is_answered_while_maya_is_busy_and_its_end_is_told(bring_in, busy, monkeypatch):
    first, second = bring_in(), bring_in()
    import maya_mcp_helper.pulse as pulse

    monkeypatch.setattr(pulse, "LONG_MS", 50.0)
    goes_on = busy()
    assert first.call("ping") == {"main_waiting_ms": 0}, "just posted"
    waiting = 0
    while waiting < 50:
        before, waiting = waiting, first.call("ping")["main_waiting_ms"]
        assert waiting >= before
    goes_on.set()
    assert first.event("main_free") == {}
    assert second.event("main_free") == {}
    assert first.call("ping") == {"main_waiting_ms": 0}


def test_a_short_wait_is_not_worth_an_event(engine, busy):
    goes_on = busy()
    engine.call("ping")
    engine.call("ping")
    goes_on.set()
    engine.execute("1")
    engine.call("ping")
    assert not engine.events


def test_pings_alone_do_not_pile_up_on_the_main_thread(maya, engine, busy):
    goes_on = busy()
    for _ in range(100):
        engine.call("ping")
    assert maya.state.idle.qsize() == 1
    goes_on.set()


def test_an_engine_that_does_not_read_holds_up_nobody_and_is_cut_off(maya, bring_in, monkeypatch):
    lazy, lively = bring_in(client="lazy"), bring_in(client="lively")
    import maya_mcp_helper.link as link

    monkeypatch.setattr(link, "OUTGOING_LIMIT", 1 << 20)
    for number in range(12):
        try:
            lazy.ask("execute", code="'x' * (4 << 20)")
        except ConnectionError:
            break  # Cut off already.
        assert lively.execute(str(number))["result"] == number
    maya.do(lambda: None)
    assert lively.execute("1+1")["result"] == 2
    assert lazy.ends()
    assert len(lazy.answers) < 5


def test_a_job_inside_the_event_loop_of_another_job_waits(maya, engine):
    """Code that turns Maya's loop itself, as a modal dialog does."""
    maya.state.order = []
    maya.state.turn_once = lambda: maya.state.idle.get(timeout=10)()
    outer = engine.ask(
        "execute",
        code="import maya\nmaya.state.order.append('outer')\nmaya.state.turn_once()\n"
        "maya.state.order.append('outer ends')",
    )
    inner = engine.ask("execute", code="import maya\nmaya.state.order.append('inner')")
    engine.answer(outer)
    engine.answer(inner)
    assert maya.state.order == ["outer", "outer ends", "inner"]
