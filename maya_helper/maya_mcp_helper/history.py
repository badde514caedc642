"""Undo and redo, one step at a time.

Invariant: with `expected` no other step than the one of that name is taken back or done again.
"""

import importlib

from . import requests
from .methods import Reply
from .requests import RequestError

LONGEST_NAME = 4096  # Maya's own steps are named by their whole command.
LONGEST_IN_WORDS = 200


class NothingToUndo(RequestError):
    """The undo queue is empty, or turned off."""


class NothingToRedo(RequestError):
    """Nothing was undone, or something was done since."""


class AnotherStep(RequestError):
    """The next step is not the expected one."""


def undo(params):
    """Takes the last step back."""
    expected = _expected(params)
    commands = _commands()
    name = _next(commands, "undo")
    if name is None:
        if not commands.undoInfo(query=True, state=True):
            raise NothingToUndo("undo is turned off in this Maya")
        raise NothingToUndo("there is nothing to undo")
    _compare(name, expected)
    commands.undo()
    return _told(commands, name)


def redo(params):
    """Does the last step that was taken back again."""
    expected = _expected(params)
    commands = _commands()
    name = _next(commands, "redo")
    if name is None:
        raise NothingToRedo("there is nothing to redo")
    _compare(name, expected)
    commands.redo()
    return _told(commands, name)


def _expected(params):
    requests.only(params, ("expected",))
    return requests.text(params, "expected", None)


def _commands():
    return importlib.import_module("maya.cmds")


def _next(commands, way):
    """The name of the next step, which may be empty; None when there is none."""
    if commands.undoInfo(query=True, **{way + "QueueEmpty": True}):
        return None
    return str(commands.undoInfo(query=True, **{way + "Name": True}) or "")


def _compare(name, expected):
    if expected is not None and expected not in (name, name[:LONGEST_NAME]):
        raise AnotherStep(
            f"the next step is {name[:LONGEST_IN_WORDS]!r}, not {expected[:LONGEST_IN_WORDS]!r}"
        )


def _told(commands, name):
    return Reply(
        {
            "name": name[:LONGEST_NAME],
            "next_undo": _cut(_next(commands, "undo")),
            "next_redo": _cut(_next(commands, "redo")),
        }
    )


def _cut(name):
    return None if name is None else name[:LONGEST_NAME]
