"""Callbacks from which nothing escapes, and no call of which is lost."""

import ctypes
import functools
import operator
import threading

import pytest

from method_calls import load
from stoppable import needs_stop


@pytest.fixture
def shield(monkeypatch):
    return load(monkeypatch, "shield")


class Stop(BaseException):
    pass


def call_with_a_stop_on_its_way(callback, *arguments):
    """As C does it: no Python runs between the raising of the stop and the callback."""
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    me = ctypes.c_ulong(threading.get_ident())
    calls = [
        functools.partial(raise_in, me, ctypes.py_object(Stop)),
        functools.partial(callback, *arguments),
    ]
    return list(map(operator.methodcaller("__call__"), calls))[1]


@needs_stop
def test_a_stop_at_its_first_instruction_neither_escapes_nor_loses_the_call(shield):
    done = []

    def note():
        done.append(True)
        return len(done)

    callback = shield.callback(note)
    for number in range(1, 100):
        assert call_with_a_stop_on_its_way(callback, None) == number
    assert callback(None) == 100


def test_a_stop_in_the_middle_has_the_function_called_again(shield):
    raised = [Stop(), KeyboardInterrupt()]

    def function(*_):
        if raised:
            raise raised.pop()
        return "done"

    for make in (shield.callback, shield.callback_of_several):
        raised[:] = [Stop(), KeyboardInterrupt()]
        assert make(function)(None) == "done"


@pytest.mark.parametrize("kind", ["callback", "callback_of_several"])
@pytest.mark.parametrize("error", [ValueError, Stop, SystemExit])
def test_a_function_that_always_fails_is_answered_for(shield, kind, error):
    def function(*_):
        raise error

    callback = getattr(shield, kind)(function, "otherwise")
    assert [callback(None) for _ in range(3)] == ["otherwise"] * 3


def test_an_answer_is_not_that_of_the_call_before(shield):
    answers = [1, ValueError(), 2]

    def function():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    callback = shield.callback(function)
    assert [callback(None) for _ in range(3)] == [1, None, 2]


def test_a_call_may_lead_to_the_same_callback(shield):
    depths = []

    def function():
        depths.append(len(depths))
        return [depths[-1], callback(None)] if len(depths) % 4 else "deepest"

    callback = shield.callback(function)
    assert callback(None) == [0, [1, [2, "deepest"]]]
    assert callback(None) == [4, [5, [6, "deepest"]]]


def test_one_of_several_arguments_gets_them(shield):
    callback = shield.callback_of_several(lambda *arguments: arguments)
    assert callback("text", 3, None) == ("text", 3, None)
    assert callback() == ()
