"""A module that exists in this Maya's memory only."""

import importlib
import inspect
import json
import keyword
import linecache
import sys
import traceback

import pytest

from method_calls import load


@pytest.fixture
def modules(monkeypatch):
    """The module under test; whatever a test puts into sys.modules goes with it."""
    module = load(monkeypatch, "modules")
    before = dict(sys.modules)
    yield module
    for name in set(sys.modules) - set(before):
        del sys.modules[name]
    sys.modules.update(before)


def write(modules, name, code="", **more):
    return modules.write_module(dict(more, name=name, code=code)).result


def refusal(modules, name, code="", **more):
    """(type, message) of the error."""
    with pytest.raises(modules.RequestError) as raised:
        write(modules, name, code, **more)
    return type(raised.value).__name__, str(raised.value)


def test_it_can_be_imported_from_then_on(modules):
    told = write(modules, "rig_one", "def answer():\n    return 42\n")
    assert told == {"name": "rig_one", "created": ["rig_one"], "replaced": False}
    assert importlib.import_module("rig_one").answer() == 42
    scope = {}
    exec("import rig_one as r\nfrom rig_one import answer", scope)
    assert scope["r"].answer is scope["answer"]


def test_parents_that_are_missing_are_made_as_empty_packages(modules):
    told = write(modules, "studio_x.rigs.arm", "side = 'left'")
    assert told["created"] == ["studio_x", "studio_x.rigs", "studio_x.rigs.arm"]
    import studio_x.rigs.arm

    assert studio_x.rigs.arm.side == "left"
    assert studio_x.__path__ == studio_x.rigs.__path__ == []
    assert write(modules, "studio_x.rigs.leg")["created"] == ["studio_x.rigs.leg"]


def test_what_import_knows_of_a_module_is_there(modules):
    write(modules, "studio_x.arm")
    module = sys.modules["studio_x.arm"]
    assert (module.__name__, module.__package__) == ("studio_x.arm", "studio_x")
    assert module.__spec__.name == "studio_x.arm"
    assert module.__spec__.parent == "studio_x"
    assert module.__file__.startswith("<maya-mcp ")
    assert sys.modules["studio_x"].__package__ == "studio_x"


def test_relative_and_circular_imports_work_as_in_files(modules):
    write(modules, "studio_x.names", "LEFT = 'L_'")
    write(modules, "studio_x.arm", "from . import names\nfrom .names import LEFT\nimport studio_x")
    write(modules, "studio_x.deep.hand", "from ..names import LEFT\nfrom .. import arm")
    assert sys.modules["studio_x.deep.hand"].arm.names.LEFT == "L_"
    write(modules, "studio_x.itself", "import studio_x.itself as me\nname = me.__name__")
    assert sys.modules["studio_x.itself"].name == "studio_x.itself"


def test_the_code_runs_once_as_a_module_of_its_own(modules):
    write(
        modules, "rig_one", "import sys\nruns = sys.modules[__name__].__dict__.get('runs', 0) + 1"
    )
    assert importlib.import_module("rig_one").runs == 1
    assert "annotations" not in vars(importlib.import_module("rig_one"))


def test_a_module_that_is_there_is_kept(modules):
    write(modules, "rig_one", "x = 1")
    kind, message = refusal(modules, "rig_one", "x = 2")
    assert kind == "ModuleExists"
    assert "rig_one" in message
    assert sys.modules["rig_one"].x == 1


def test_overwriting_puts_a_new_module_in_place(modules):
    write(modules, "studio_x.arm", "x = 1\nonly_before = True")
    old = sys.modules["studio_x.arm"]
    told = write(modules, "studio_x.arm", "x = 2", overwrite=True)
    assert told == {"name": "studio_x.arm", "created": [], "replaced": True}
    new = sys.modules["studio_x.arm"]
    assert new is not old
    assert not hasattr(new, "only_before")
    assert sys.modules["studio_x"].arm is new
    assert old.x == 1, "who holds the old one keeps it"


def test_a_package_that_is_overwritten_keeps_its_modules(modules):
    write(modules, "studio_x.arm", "x = 1")
    write(modules, "studio_x", "from . import arm\nversion = arm.x", overwrite=True)
    import studio_x.arm

    assert (studio_x.version, studio_x.arm.x) == (1, 1)


def test_a_line_makes_a_package_of_a_module(modules):
    write(modules, "rig_one", "__path__ = []")
    write(modules, "rig_one.arm", "x = 1")
    assert sys.modules["rig_one"].arm.x == 1


def test_a_plain_module_cannot_be_a_parent(modules):
    write(modules, "rig_one", "x = 1")
    kind, message = refusal(modules, "rig_one.arm")
    assert kind == "NotAPackage"
    assert "rig_one is a module and no package" in message
    assert "rig_one.arm" not in sys.modules
    assert not hasattr(sys.modules["rig_one"], "arm")


@pytest.mark.parametrize(
    "name",
    ["", ".", "a.", ".a", "a..b", "my-rig", "1a", "a b", "rig.class", "None", "a\n", "ä-",
     "\ufb01lter", "studio_x.\ufb01lter"],
)  # fmt: skip
def test_a_name_that_no_import_could_say_is_refused(modules, name):
    kind, message = refusal(modules, name)
    assert kind == "BadModuleName"
    assert repr(name) in message


def test_every_keyword_is_refused(modules):
    for word in keyword.kwlist:
        assert refusal(modules, "a." + word)[0] == "BadModuleName"


@pytest.mark.parametrize(
    "name",
    ["sys", "json", "json.decoder", "builtins", "__main__", "os.path", "maya_mcp_helper",
     "maya_mcp_helper.modules", "maya_mcp_helper.new", "maya", "maya.cmds"],
)  # fmt: skip
@pytest.mark.parametrize("overwrite", [False, True])
def test_what_python_maya_and_the_helper_need_is_never_replaced(modules, name, overwrite):
    import maya.cmds  # noqa: F401

    before = sys.modules.get(name)
    assert refusal(modules, name, "x = 1", overwrite=overwrite)[0] == "ModuleExists"
    assert sys.modules.get(name) is before


@pytest.mark.parametrize("name", ["email.mime.audio", "xml.sax.expatreader", "turtle"])
@pytest.mark.parametrize("listed", [True, False])
def test_what_belongs_to_python_need_not_be_loaded(modules, monkeypatch, name, listed):
    if not listed:  # As before Python 3.10.
        monkeypatch.delattr(sys, "stdlib_module_names", raising=False)
        assert not modules._is_standard("pytest")
    monkeypatch.delitem(sys.modules, name, raising=False)
    assert refusal(modules, name, "x = 1", overwrite=True)[0] == "ModuleExists"
    assert name not in sys.modules
    assert write(modules, "email.studio_x", "x = 1")["created"] == ["email.studio_x"]


def test_what_belongs_to_maya_need_not_be_loaded(modules, monkeypatch, tmp_path):
    import maya

    (tmp_path / "on_disk_x.py").write_text("x = 'disk'")
    monkeypatch.setattr(maya, "__path__", [*maya.__path__, str(tmp_path)])
    assert refusal(modules, "maya.on_disk_x", "x = 1", overwrite=True)[0] == "ModuleExists"
    assert write(modules, "maya.studio_x")["created"] == ["maya.studio_x"]


def test_a_module_on_disk_that_was_not_loaded_yet_counts_as_there(modules, monkeypatch, tmp_path):
    (tmp_path / "on_disk_x.py").write_text("x = 'disk'")
    package = tmp_path / "package_x"
    package.mkdir()
    (package / "__init__.py").write_text("here = 'disk'")
    (package / "old.py").write_text("x = 'disk'")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert refusal(modules, "on_disk_x")[0] == "ModuleExists"
    assert refusal(modules, "package_x.old")[0] == "ModuleExists"
    assert write(modules, "on_disk_x", "x = 'memory'", overwrite=True)["replaced"] is False
    assert importlib.import_module("on_disk_x").x == "memory"
    told = write(modules, "package_x.new", "from . import here\nfrom .old import x")
    assert told["created"] == ["package_x.new"], "the package itself is the one on disk"
    assert sys.modules["package_x.new"].here == "disk"


def test_code_that_does_not_compile_is_told_with_its_line(modules):
    kind, message = refusal(modules, "studio_x.arm", "x = 1\ndef f(:\n")
    assert kind == "ModuleFailed"
    assert "SyntaxError" in message
    assert "line 2" in message
    assert "def f(:" in message
    assert "studio_x" not in sys.modules


@pytest.mark.parametrize("code", ["x = 1\n\0", "\ud800", "(" * 5000 + ")" * 5000])
def test_code_that_nothing_can_compile_is_an_error_as_well(modules, code):
    assert refusal(modules, "rig_one", code)[0] == "ModuleFailed"
    assert "rig_one" not in sys.modules


def test_an_error_is_told_in_the_artists_own_lines(modules):
    code = "def deep():\n    raise ValueError('no such bone')\ndeep()\n"
    kind, message = refusal(modules, "rig_one", code)
    assert kind == "ModuleFailed"
    assert message.endswith("ValueError: no such bone\n")
    assert "    raise ValueError('no such bone')\n" in message
    assert "modules.py" not in message


@pytest.mark.parametrize("error", ["SystemExit(3)", "KeyboardInterrupt()", "GeneratorExit()"])
def test_what_would_end_a_program_is_a_failure_too(modules, error):
    assert refusal(modules, "studio_x.arm", "raise " + error)[0] == "ModuleFailed"
    assert "studio_x" not in sys.modules


def test_a_failure_leaves_everything_as_it_was(modules):
    write(modules, "studio_x.arm", "x = 1")
    package, arm = sys.modules["studio_x"], sys.modules["studio_x.arm"]
    before = dict(sys.modules)
    code = (
        "import sys, types\n"
        "sys.modules[__name__ + '.below'] = 1\n"
        "sys.modules['json'] = None\n"
        "del sys.modules['studio_x']\n"
        "raise ValueError()\n"
    )
    assert refusal(modules, "studio_x.arm", code, overwrite=True)[0] == "ModuleFailed"
    assert dict(sys.modules) == before
    assert package.arm is arm
    assert refusal(modules, "studio_x.new.deep", code)[0] == "ModuleFailed"
    assert dict(sys.modules) == before
    assert not hasattr(package, "new")


def test_what_a_failing_module_imported_stays_as_after_any_import(modules, monkeypatch, tmp_path):
    (tmp_path / "imported_x.py").write_text("x = 1")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert refusal(modules, "rig_one", "import imported_x\n1/0")[0] == "ModuleFailed"
    assert sys.modules["imported_x"].x == 1, "a second import of some modules ends Maya"


@pytest.mark.parametrize("library", ["xml.parsers.expat", "hand_made_x"])
def test_what_a_library_registered_itself_stays_too(modules, monkeypatch, tmp_path, library):
    lines = "import sys, types\nsys.modules[__name__ + '.errors'] = types.ModuleType('errors')\n"
    (tmp_path / "hand_made_x.py").write_text(lines)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith(library)]:
        monkeypatch.delitem(sys.modules, name)
    assert refusal(modules, "studio_x.arm", f"import {library}\n1/0")[0] == "ModuleFailed"
    assert importlib.import_module(library + ".errors") is sys.modules[library + ".errors"]
    assert "studio_x" not in sys.modules


def test_another_build_that_took_over_meanwhile_stays(modules):
    ours = sys.modules["maya_mcp_helper"]
    code = (
        "import sys, types\n"
        "for name in [name for name in sys.modules if name.startswith('maya_mcp_helper')]:\n"
        "    del sys.modules[name]\n"
        "sys.modules['maya_mcp_helper'] = types.ModuleType('another')\n"
        "1/0\n"
    )
    assert refusal(modules, "studio_x.arm", code)[0] == "ModuleFailed"
    assert sys.modules["maya_mcp_helper"].__name__ == "another"
    assert "maya_mcp_helper.jobs" not in sys.modules
    assert ours is not sys.modules["maya_mcp_helper"]


class Lazy:
    """As some libraries leave it in sys.modules."""

    def __getattr__(self, name):
        raise ImportError("lazy " + name)


def test_objects_that_refuse_to_be_looked_at_do_no_harm(modules, monkeypatch):
    monkeypatch.setitem(sys.modules, "lazy_x", Lazy())
    code = "import sys\nsys.modules['lazy_y'] = sys.modules['lazy_x']\n1/0"
    assert refusal(modules, "studio_x.arm", code)[0] == "ModuleFailed"
    assert "studio_x" not in sys.modules
    assert refusal(modules, "lazy_x.arm")[0] == "NotAPackage"
    assert write(modules, "lazy_x", "x = 1", overwrite=True)["replaced"] is True


def test_sources_of_what_failed_or_was_replaced_are_not_kept(modules, monkeypatch):
    monkeypatch.setattr(linecache, "cache", {})

    def kept():
        return [name for name in linecache.cache if name.startswith("<maya-mcp ")]

    for code in ("1/0", "def f(:", "import sys\ndel sys.modules[__name__]"):
        assert refusal(modules, "studio_x.arm", code)[0] == "ModuleFailed"
    assert kept() == []
    for number in range(3):
        write(modules, "studio_x.arm", f"x = {number}\n", overwrite=True)
    assert len(kept()) == 1
    assert inspect.getsource(sys.modules["studio_x.arm"]) == "x = 2\n"


def test_a_write_registers_one_source(modules):
    sources = sys.modules["maya_mcp_helper.sources"]
    count = sources.count()
    write(modules, "studio_x.rigs.arm", "x = 1")
    assert sources.count() == count + 1


def test_a_module_may_put_another_object_in_its_own_place(modules):
    code = "import sys\nclass Lazy:\n    x = 7\nsys.modules[__name__] = Lazy()"
    write(modules, "studio_x.lazy", code)
    assert sys.modules["studio_x"].lazy.x == 7
    code = "import sys\ndel sys.modules[__name__]"
    assert refusal(modules, "studio_x.gone", code)[0] == "ModuleFailed"


def test_a_stop_goes_through_and_leaves_no_trace(modules, monkeypatch):
    interrupt = sys.modules["maya_mcp_helper.interrupt"]
    before = set(sys.modules)
    code = "import sys\nraise sys.modules['maya_mcp_helper.interrupt'].Cancelled()"
    with pytest.raises(interrupt.Cancelled):
        write(modules, "studio_x.arm", code)
    assert set(sys.modules) == before


def test_a_second_stop_does_not_keep_the_first_from_being_cleaned_up(modules, monkeypatch):
    interrupt = sys.modules["maya_mcp_helper.interrupt"]
    restore = modules._Before._restore_modules
    stops = [interrupt.Cancelled(), interrupt.TimedOut()]

    def stopped(before):
        if stops:
            raise stops.pop()
        restore(before)

    monkeypatch.setattr(modules._Before, "_restore_modules", stopped)
    assert refusal(modules, "studio_x.arm", "1/0")[0] == "ModuleFailed"
    assert "studio_x" not in sys.modules
    assert stops == []


def test_tracebacks_and_inspect_show_its_lines(modules):
    write(modules, "rig_one", "def bone():\n    return 1 / 0  # here\n")
    module = importlib.import_module("rig_one")
    with pytest.raises(ZeroDivisionError) as raised:
        module.bone()
    assert "return 1 / 0  # here" in "".join(traceback.format_tb(raised.value.__traceback__))
    assert inspect.getsource(module.bone) == "def bone():\n    return 1 / 0  # here\n"
    assert module.__loader__.get_source("rig_one").startswith("def bone")
    assert "rig_one" in repr(module)


def test_a_reload_says_that_there_is_no_file_and_changes_nothing(modules):
    write(modules, "rig_one", "x = 1")
    module = importlib.import_module("rig_one")
    with pytest.raises(ModuleNotFoundError):
        importlib.reload(module)
    assert sys.modules["rig_one"] is module
    assert module.x == 1


@pytest.mark.parametrize(
    "params",
    [{}, {"name": "a"}, {"code": ""}, {"name": 1, "code": ""}, {"name": "a", "code": 1},
     {"name": "a", "code": "", "overwrite": 1}, {"name": "a", "code": "", "more": 1}],
)  # fmt: skip
def test_parameters_of_another_form_are_the_engines_fault(modules, params):
    with pytest.raises(modules.RequestError) as raised:
        modules.write_module(params)
    assert type(raised.value).__name__ == "BadParams"


def test_the_result_is_json(modules):
    json.dumps(write(modules, "studio_x.arm"))
