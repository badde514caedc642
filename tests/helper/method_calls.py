"""What the tests of single methods share: the helper's modules, and a Maya of a few lines."""

import contextlib
import importlib
import sys
import types

import pytest

from conftest import PACKAGE, SOURCE


def load(monkeypatch, *names):
    """These modules of the helper, freshly loaded, and gone again with the test."""
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(str(SOURCE))
    before = set(sys.modules)
    loaded = [importlib.import_module(f"{PACKAGE}.{name}") for name in names]
    for name in set(sys.modules) - before:
        if name.split(".")[0] == PACKAGE:
            module = sys.modules.pop(name)
            monkeypatch.setitem(sys.modules, name, module)
    return loaded[0] if len(loaded) == 1 else loaded


def put_maya(monkeypatch, commands=None, api=None):
    """A Maya of nothing but these commands, and of these classes of the API's second edition."""
    package = types.ModuleType("maya")
    package.__path__ = []
    monkeypatch.setitem(sys.modules, "maya", package)
    _put(monkeypatch, "maya.cmds", commands)
    _put(monkeypatch, "maya.OpenMaya", None)
    if api is None:
        _put(monkeypatch, "maya.api", None)
    else:
        _put(monkeypatch, "maya.api", {"__path__": []})
    _put(monkeypatch, "maya.api.OpenMaya", api)


def _put(monkeypatch, name, content):
    module = None  # An import of it fails.
    if content is not None:
        module = types.ModuleType(name)
        vars(module).update(content if isinstance(content, dict) else _members(content))
    monkeypatch.setitem(sys.modules, name, module)


def _members(something):
    return {name: getattr(something, name) for name in dir(something) if name[:2] != "__"}


@contextlib.contextmanager
def stand_in(*options):
    """A function that evaluates in a stand-in for Maya, where the helper can be imported."""
    pytest.importorskip("PySide6")  # Only the Python that has it runs the stand-in.
    client = pytest.importorskip("maya_sim.client")
    with client.Sim.start("2025", "--default-port", "off", *options) as sim:

        def run(code):
            return sim.control("eval", code=code)["value"]

        run(f"import sys; sys.path.insert(0, {str(SOURCE)!r}); import maya.cmds as cmds")
        run.sim = sim
        yield run
