"""Undo and redo over the protocol's methods."""

import pytest

from method_calls import load, put_maya


class Queue:
    """Maya's undo queue as its commands show it."""

    def __init__(self, done=(), undone=(), state=True):
        self.done, self.undone, self.state = list(done), list(undone), state

    def undoInfo(self, query, **asked):
        assert query is True, "nothing about the queue itself is changed"
        (asked,) = asked
        return {
            "undoQueueEmpty": not self.done,
            "redoQueueEmpty": not self.undone,
            "undoName": self.done[-1] if self.done else "",
            "redoName": self.undone[-1] if self.undone else "",
            "state": self.state,
        }[asked]

    def undo(self):
        self.undone.append(self.done.pop())

    def redo(self):
        self.done.append(self.undone.pop())


@pytest.fixture
def history(monkeypatch):
    module = load(monkeypatch, "history")

    def with_queue(*queue, **more):
        put_maya(monkeypatch, Queue(*queue, **more))
        return module

    return with_queue


def refusal(module, call, **params):
    with pytest.raises(module.RequestError) as raised:
        call(params)
    return type(raised.value).__name__, str(raised.value)


def test_a_step_is_undone_and_done_again(history):
    module = history(["first", "second"])
    told = module.undo({}).result
    assert told == {"name": "second", "next_undo": "first", "next_redo": "second"}
    told = module.undo({"expected": None}).result
    assert told == {"name": "first", "next_undo": None, "next_redo": "first"}
    told = module.redo({}).result
    assert told == {"name": "first", "next_undo": "first", "next_redo": "second"}


def test_only_the_expected_step_is_undone(history):
    module = history(["mine", "the artist's"], ["other"])
    kind, message = refusal(module, module.undo, expected="mine")
    assert kind == "AnotherStep"
    assert "the artist's" in message
    assert module.undo({"expected": "the artist's"}).result["name"] == "the artist's"
    assert refusal(module, module.redo, expected="other")[0] == "AnotherStep"
    assert module.redo({"expected": "the artist's"}).result["next_redo"] == "other"


def test_an_empty_queue_is_told(history):
    module = history()
    assert refusal(module, module.undo)[0] == "NothingToUndo"
    assert refusal(module, module.redo)[0] == "NothingToRedo"
    assert refusal(module, module.undo, expected="mine")[0] == "NothingToUndo"


def test_undo_that_is_turned_off_is_told_as_such(history):
    module = history(state=False)
    assert refusal(module, module.undo) == ("NothingToUndo", "undo is turned off in this Maya")


def test_a_step_without_a_name_is_a_step(history):
    module = history([""])
    assert module.undo({"expected": ""}).result["name"] == ""
    assert module.redo({}).result == {"name": "", "next_undo": "", "next_redo": None}


def test_a_long_name_is_cut_and_can_be_expected_both_ways(history):
    long = "polyCube " * 1000
    module = history([long, long])
    told = module.undo({"expected": long}).result
    assert told["name"] == told["next_undo"] == told["next_redo"] == long[:4096]
    assert module.undo({"expected": long[:4096]}).result["next_undo"] is None
    _, message = refusal(module, module.redo, expected="y" * 5000)
    assert len(message) < 500


@pytest.mark.parametrize("params", [{"expected": 1}, {"steps": 2}])
def test_parameters_of_another_form_are_the_engines_fault(history, params):
    module = history(["one"])
    assert refusal(module, module.undo, **params)[0] == "BadParams"
    assert refusal(module, module.redo, **params)[0] == "BadParams"
