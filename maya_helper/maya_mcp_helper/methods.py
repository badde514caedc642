"""The methods that are done on Maya's main thread, beside `execute`.

Invariant: each is a function of the same name, of the parameters as they came; it gives a Reply or
raises a RequestError. Its module is loaded when it is first asked for: a Maya that only runs code
does not carry the rest.
"""

import collections
import importlib

from .requests import RequestError

MODULES = {
    "write_module": "modules",
    "scene": "summary",
    "viewport": "viewport",
    "undo": "history",
    "redo": "history",
    "select": "selection",
}

Reply = collections.namedtuple("Reply", "result binary")
Reply.__new__.__defaults__ = (b"",)


class MayaError(RequestError):
    """Maya itself refused."""


def perform(method, params):
    """The Reply to a request of one of MODULES."""
    module = importlib.import_module("." + MODULES[method], __package__)
    try:
        return getattr(module, method)(params)
    except RequestError:
        raise
    except Exception as error:
        raise MayaError(f"{type(error).__name__}: {error}") from error


def load_all():
    """For a helper whose files are about to go."""
    for name in sorted({"ports", "reports", *MODULES.values()}):
        importlib.import_module("." + name, __package__)
