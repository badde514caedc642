"""What is selected, and selecting."""

import time
import types

import pytest

from method_calls import load, put_maya


class Component:
    """So many of a mesh's vertices, each far from the next: Maya writes a name for each."""

    def __init__(self, numbers):
        self.numbers = list(numbers)

    def isNull(self):
        return False

    def apiType(self):
        return "vertices"


class Components:
    def __init__(self, component=None):
        self.component = component

    @property
    def elementCount(self):
        return len(self.component.numbers)

    def element(self, index):
        return self.component.numbers[index]

    def create(self, kind):
        assert kind == "vertices"
        self.component = Component([])
        return self.component

    def addElements(self, numbers):
        self.component.numbers += numbers


class NullComponent:
    def isNull(self):
        return True


class SelectionList:
    """Entries are names of nodes, or (path, component)."""

    def __init__(self, entries=()):
        self.entries = list(entries)
        self.written = 0

    def length(self):
        return len(self.entries)

    def getComponent(self, index):
        entry = self.entries[index]
        if isinstance(entry, tuple):
            return entry
        if entry.startswith("|"):
            return entry, NullComponent()
        raise TypeError("not a DAG node")

    def add(self, entry):
        self.entries.append(entry)

    def getSelectionStrings(self, index):
        entry = self.entries[index]
        names = [entry]
        if isinstance(entry, tuple):
            names = [f"{entry[0]}.vtx[{number}]" for number in entry[1].numbers]
        self.written += len(names)
        assert self.written <= 200, "no list of names is asked for as a whole"
        return tuple(names)


@pytest.fixture
def select(monkeypatch):
    """Puts a Maya in place with this selection; gives the module."""
    module = load(monkeypatch, "selection")

    def put(entries, commands=None):
        api = {
            "MGlobal": types.SimpleNamespace(getActiveSelectionList=lambda: SelectionList(entries)),
            "MSelectionList": SelectionList,
            "MFnComponent": Components,
            "MFnSingleIndexedComponent": Components,
        }
        put_maya(monkeypatch, commands or {}, api)
        return module

    return put


def test_the_selection_is_told_by_name(select):
    told = select(["|pCube1", "lambert1"]).current()
    assert told == {"count": 2, "names": ["|pCube1", "lambert1"], "truncated": False}
    assert select([]).current() == {"count": 0, "names": [], "truncated": False}


def test_of_many_nodes_the_first_hundred_are_named(select):
    told = select([f"|node{number}" for number in range(100_000)]).current()
    assert (told["count"], len(told["names"]), told["truncated"]) == (100_000, 100, True)
    assert told["names"][99] == "|node99"
    told = select([f"|node{number}" for number in range(100)]).current()
    assert (told["count"], len(told["names"]), told["truncated"]) == (100, 100, False)


def test_of_many_components_the_first_hundred_are_named(select):
    entries = ["|pCube1", ("|mesh", Component(range(0, 200_000, 2)))]
    told = select(entries).current()
    assert told["count"] == 100_001
    assert len(told["names"]) == 100
    assert told["names"][1:3] == ["|mesh.vtx[0]", "|mesh.vtx[2]"]
    assert told["truncated"] is True


def test_a_few_components_are_all_named(select):
    told = select([("|mesh", Component([1, 3]))]).current()
    assert told == {"count": 2, "names": ["|mesh.vtx[1]", "|mesh.vtx[3]"], "truncated": False}


def test_many_small_sets_of_components_stay_within_the_limit(select):
    told = select([(f"|m{n}", Component([1, 3])) for n in range(60)]).current()
    assert (told["count"], len(told["names"]), told["truncated"]) == (120, 100, True)


def test_a_name_of_any_length_is_cut(select):
    assert select(["x" * 100_000]).current()["names"] == ["x" * 4096]


def test_it_costs_little_whatever_is_selected(select):
    entries = [f"|node{number}" for number in range(100_000)]
    module = select(entries)
    started = time.perf_counter()
    module.current()
    assert time.perf_counter() - started < 0.2


def test_a_maya_without_that_api_is_asked_by_command(monkeypatch):
    module = load(monkeypatch, "selection")
    names = [f"n{number}" for number in range(150)]
    put_maya(monkeypatch, {"ls": lambda selection: names})
    told = module.current()
    assert (told["count"], len(told["names"]), told["truncated"]) == (150, 100, True)
    put_maya(monkeypatch, {"ls": lambda selection: None})
    assert module.current() == {"count": 0, "names": [], "truncated": False}


class Commands:
    """objExists for three nodes, and what select() was told."""

    def __init__(self):
        self.calls = []

    def objExists(self, name):
        if name == "refused":
            raise RuntimeError("illegal name")
        return name.split(".")[0] in ("pCube1", "|group1|a", "ns:b")

    def select(self, *names, **flags):
        self.calls.append((names, flags))


@pytest.mark.parametrize(
    ("mode", "flag"),
    [(None, "replace"), ("replace", "replace"), ("add", "add"), ("remove", "deselect")],
)
def test_each_mode_selects_in_its_way(select, mode, flag):
    commands = Commands()
    module = select(["|pCube1"], commands)
    names = ["pCube1", "|group1|a", "ns:b", "pCube1.vtx[0:3]", "pCube1.f[*]"]
    told = module.select({"names": names, "mode": mode}).result
    assert told == {"count": 1, "names": ["|pCube1"], "truncated": False}
    assert commands.calls == [((names,), {flag: True})]


@pytest.mark.parametrize(
    ("mode", "calls"), [("replace", [((), {"clear": True})]), ("add", []), ("remove", [])]
)
def test_no_names_clear_the_selection_or_change_nothing(select, mode, calls):
    commands = Commands()
    select([], commands).select({"names": [], "mode": mode})
    assert commands.calls == calls


def refusal(module, names):
    with pytest.raises(module.RequestError) as raised:
        module.select({"names": names})
    return type(raised.value).__name__, str(raised.value)


def test_missing_names_are_all_told_and_nothing_is_selected(select):
    commands = Commands()
    kind, message = refusal(select([], commands), ["pCube1", "gone", "", " ", "refused", "lost"])
    assert kind == "NoSuchNode"
    for name in ("gone", "refused", "lost"):
        assert name in message
    assert "pCube1" not in message
    assert commands.calls == []


def test_a_pattern_is_no_name_and_that_is_said(select):
    commands = Commands()
    for pattern in ("pCube*", "*", "pCub?1", "pCube*.vtx[*]"):
        kind, message = refusal(select([], commands), [pattern])
        assert kind == "NoSuchNode"
        assert "pattern" in message
        assert pattern in message
    assert commands.calls == []


def test_the_message_about_very_many_missing_names_is_bounded(select):
    names = [f"gone{number}" for number in range(5000)]
    _, message = refusal(select([], Commands()), [*names, "x" * 100_000])
    assert "gone99" in message
    assert "gone100," not in message
    assert "4901 more" in message
    assert len(message) < 30_000


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"names": "pCube1"},
        {"names": [1]},
        {"names": [], "mode": "toggle"},
        {"names": [], "x": 1},
    ],
)
def test_parameters_of_another_form_are_the_engines_fault(select, params):
    module = select([], Commands())
    with pytest.raises(module.RequestError) as raised:
        module.select(params)
    assert type(raised.value).__name__ == "BadParams"
