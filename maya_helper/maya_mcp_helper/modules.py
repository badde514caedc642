"""Modules that live in this Maya's memory only, and are imported like any other.

Invariant: one that fails leaves no trace: what was in its place, its parents and their attributes
are as they were before. Other modules that came meanwhile stay, as after any import, and the
helper's own are never touched: another build may have taken over.
"""

import ast
import importlib.machinery
import importlib.util
import keyword
import os
import sys

from . import requests, sources
from .errors import describe
from .interrupt import Stop
from .methods import Reply
from .requests import RequestError

OURS = __name__.split(".")[0]
MISSING = object()


class BadModuleName(RequestError):
    """No `import` could name such a module."""


class ModuleExists(RequestError):
    """There is one of this name, and it shall not or must not be overwritten."""


class NotAPackage(RequestError):
    """A parent is a plain module."""


class ModuleFailed(RequestError):
    """Its code does not compile, or raises; the message is the traceback."""


def write_module(params):
    """Runs the code as a new module of this name."""
    requests.only(params, ("name", "code", "overwrite"))
    name = requests.text(params, "name")
    code = requests.text(params, "code")
    overwrite = requests.flag(params, "overwrite", False)
    _check_name(name)
    _check_place(name, overwrite)
    before = _Before(name)
    source = _Source(name, code, sources.register(code, lasting=True))
    try:
        source.compile()
        _make_parents(name, before.made)
        if not overwrite:
            _check_disk(name)
        old = sys.modules.get(name)
        _run(source, old)
        created = before.made + ([] if name in before.modules else [name])
        reply = Reply({"name": name, "created": created, "replaced": old is not None})
        _forget_source(old)
        return reply
    except BaseException as error:
        try:
            before.restore()
            if isinstance(error, (Stop, RequestError)):
                raise
            raise ModuleFailed(describe(error)["traceback"]) from error
        finally:
            sources.drop(source.filename)


class _Source:
    """The loader of one module: what `inspect` and tracebacks ask for its text."""

    def __init__(self, name, code, filename):
        self.name = name
        self.code = code
        self.filename = filename
        self.compiled = None

    def compile(self):
        """Before it is run."""
        self.compiled = compile(self.code, self.filename, "exec", dont_inherit=True)

    def create_module(self, _spec):
        """Python's usual kind of module."""

    def exec_module(self, module):
        exec(self.compiled, module.__dict__)

    def get_code(self, _fullname):
        return self.compiled

    def get_source(self, _fullname):
        return self.code


class _Before:
    """What to go back to."""

    def __init__(self, name):
        self.modules = dict(sys.modules)
        self.below = name + "."
        self.name = name
        self.made = []  # The parents which there were not.
        self.attributes = []  # (module, attribute, value), of each parent that is there.
        for parent, _, child in _steps(name):
            module = sys.modules.get(parent)
            if module is not None:
                value = (_get(module, "__dict__") or {}).get(child, MISSING)
                self.attributes.append((module, child, value))

    def restore(self):
        """Goes back, however often a stop comes in between."""
        while True:
            try:
                self._restore_modules()
                self._restore_attributes()
                return
            except Stop:
                continue

    def _restore_modules(self):
        for name in list(sys.modules):
            is_new = name == self.name or name.startswith(self.below) or name in self.made
            if is_new and name not in self.modules:
                sys.modules.pop(name, None)
        for name, module in self.modules.items():
            if sys.modules.get(name, MISSING) is not module and not _is_ours(name):
                sys.modules[name] = module

    def _restore_attributes(self):
        for module, attribute, value in self.attributes:
            try:
                if value is not MISSING:
                    setattr(module, attribute, value)
                elif attribute in module.__dict__:
                    delattr(module, attribute)
            except Exception:  # A module may be any object, and refuse.
                pass


def _is_ours(name):
    return isinstance(name, str) and name.split(".")[0] == OURS


def _get(module, attribute):
    """The attribute, or None: what stands in sys.modules may be any object, and raise anything."""
    try:
        return getattr(module, attribute, None)
    except Exception:
        return None


def _forget_source(module):
    """Of one that was replaced."""
    loader = _get(_get(module, "__spec__"), "loader")
    if type(loader) is _Source:
        sources.drop(loader.filename)


def _check_name(name):
    for part in name.split("."):
        if not part.isidentifier() or keyword.iskeyword(part):
            raise BadModuleName(
                f"{name!r} is no name that can be imported: {part!r} is not a Python identifier"
            )
        usual = ast.parse(part, mode="eval").body.id  # One of the forms of a letter.
        if part != usual:
            raise BadModuleName(
                f"{name!r} is no name that can be imported: Python reads {part!r} as {usual!r}"
            )


def _check_place(name, overwrite):
    if _belongs_to_python_or_maya(name):
        raise ModuleExists(f"{name} belongs to Python or Maya; choose another name")
    if name in sys.modules and not overwrite:
        raise ModuleExists(
            f"there is a module {name} already; overwrite it, or choose another name"
        )


def _check_disk(name):
    """Once its parents are loaded: before that nothing can be found."""
    if name not in sys.modules and _is_on_disk(name):
        raise ModuleExists(
            f"there is a module {name} on Python's path already;"
            " overwrite it for this Maya, or choose another name"
        )


def _belongs_to_python_or_maya(name):
    top = name.split(".")[0]
    if _is_ours(name) or name == "__main__" or name in sys.builtin_module_names:
        return True
    if top != "maya" and not _is_standard(top):
        return False
    return name in sys.modules or _is_on_disk(name)


def _is_standard(top):
    names = getattr(sys, "stdlib_module_names", None)  # Python 3.10
    if names is not None:
        return top in names
    if top in sys.builtin_module_names:
        return True
    try:
        path = importlib.util.find_spec(top).origin
        # Python's own may lie in an archive, and those in C in another folder.
        loaded = [getattr(sys.modules.get(one), "__file__", None) for one in ("os", "_socket")]
        folders = {os.path.dirname(file) for file in loaded if file}
    except Exception:
        return False
    rest = [path[len(folder) :] for folder in folders if path.startswith(folder + os.sep)]
    return any("-packages" not in below for below in rest)


def _is_on_disk(name):
    try:
        return importlib.util.find_spec(name) is not None
    except Exception:  # A finder of the studio's own that does not know what to say.
        return False


def _make_parents(name, made):
    """Sees to it that every parent is a package; those that it makes are added to the list."""
    for parent, above, child in _steps(name):
        if sys.modules.get(parent) is None:
            if _is_on_disk(parent):
                importlib.import_module(parent)
            else:
                made.append(parent)
                sys.modules[parent] = package = _empty_package(parent)
                if above:
                    setattr(sys.modules[above], parent.rpartition(".")[2], package)
        if _get(sys.modules[parent], "__path__") is None:
            raise NotAPackage(
                f"{parent} is a module and no package, so it cannot hold {child}; choose another"
                f" name, or write {parent} anew with the line `__path__ = []` in it"
            )


def _empty_package(name):
    return importlib.util.module_from_spec(_spec(_Source(name, "", "<maya-mcp package>"), []))


def _run(source, old):
    """Runs the module in the place of the old one, as an import would."""
    name = source.name
    # A package that is replaced stays one: the modules in it are still there.
    path = _get(old, "__path__")
    module = importlib.util.module_from_spec(_spec(source, None if path is None else list(path)))
    sys.modules[name] = module
    source.exec_module(module)
    module = sys.modules.get(name)  # The code may have put another in its own place.
    if module is None:
        raise ImportError(f"{name} is not in sys.modules any more")
    if path is not None:
        for child, loaded in list(sys.modules.items()):
            if child.rpartition(".")[0] == name and not hasattr(module, child[len(name) + 1 :]):
                setattr(module, child[len(name) + 1 :], loaded)
    above, _, leaf = name.rpartition(".")
    if above:
        setattr(sys.modules[above], leaf, module)


def _spec(source, path):
    spec = importlib.machinery.ModuleSpec(
        source.name, source, origin=source.filename, is_package=path is not None
    )
    if path is not None:
        spec.submodule_search_locations = path
    spec.has_location = True  # It gets a __file__.
    return spec


def _steps(name):
    """(parent, the parent's parent, the child's name in it), from the outermost."""
    parts = name.split(".")
    for count in range(1, len(parts)):
        yield ".".join(parts[:count]), ".".join(parts[: count - 1]), parts[count]
