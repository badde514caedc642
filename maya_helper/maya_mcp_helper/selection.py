"""What is selected.

Invariant: telling it costs about the same for ten selected things and for a hundred thousand: at
most LONGEST_LIST of them are named.
"""

import importlib

from . import requests
from .methods import Reply
from .requests import RequestError

LONGEST_LIST = 100
LONGEST_TEXT = 4096
MODES = {"replace": "replace", "add": "add", "remove": "deselect"}  # -> the command's own flag.


class NoSuchNode(RequestError):
    """Names that are none in this scene."""


def select(params):
    """Selects by name: all of them, or nothing at all."""
    requests.only(params, ("names", "mode"))
    names = requests.texts(params, "names")
    mode = requests.choice(params, "mode", tuple(MODES))
    commands = importlib.import_module("maya.cmds")
    _check(commands, names)
    if names:
        commands.select(names, **{MODES[mode]: True})
    elif mode == "replace":
        commands.select(clear=True)
    return Reply(current())


def current():
    """{"count", "names", "truncated"} of the present selection.

    A component counts by itself, and has a name together with its neighbours, as Maya writes them
    (`pCube1.vtx[0:7]` is one name for eight). Components are looked for in the first LONGEST_LIST
    entries only.
    """
    try:
        api = importlib.import_module("maya.api.OpenMaya")
        selected = api.MGlobal.getActiveSelectionList()
        length = selected.length()
    except Exception:  # Maya without this API.
        return _by_command()
    count = length
    names = []
    truncated = length > LONGEST_LIST
    for index in range(min(length, LONGEST_LIST)):
        room = LONGEST_LIST - len(names)
        more, elements, all_named = _entry(api, selected, index, room)
        count += elements - 1
        names += more
        truncated = truncated or not all_named
    return {"count": count, "names": [cut(name) for name in names], "truncated": truncated}


def cut(text):
    """A text of bearable length."""
    return str(text)[:LONGEST_TEXT]


def _entry(api, selected, index, room):
    """(names, how many elements it stands for, whether the names tell of all of them)."""
    path, component = _component(selected, index)
    elements = 1
    if component is not None:
        elements = _elements(api, component)
        if elements > LONGEST_LIST:
            first = _first_of(api, path, component, room)
            if first is not None:
                return first, elements, False
    names = list(selected.getSelectionStrings(index))
    return names[:room], elements, len(names) <= room


def _component(selected, index):
    """(path, component); the component is None for a whole node."""
    try:
        path, component = selected.getComponent(index)
        return path, (None if component.isNull() else component)
    except Exception:  # Not in the DAG, so it has none.
        return None, None


def _elements(api, component):
    try:
        return max(1, api.MFnComponent(component).elementCount)
    except Exception:
        return 1


def _first_of(api, path, component, room):
    """The names of so many of a mesh's components that all of them fit; None for other kinds.

    Fifty thousand scattered vertices have as many names, and Maya would write them all.
    """
    try:
        all_of_them = api.MFnSingleIndexedComponent(component)
        few = api.MFnSingleIndexedComponent()
        component = few.create(component.apiType())
        few.addElements([all_of_them.element(number) for number in range(room)])
        selected = api.MSelectionList()
        selected.add((path, component))
        return list(selected.getSelectionStrings(0))[:room]
    except Exception:
        return None


def _by_command():
    names = importlib.import_module("maya.cmds").ls(selection=True) or []
    return {
        "count": len(names),
        "names": [cut(name) for name in names[:LONGEST_LIST]],
        "truncated": len(names) > LONGEST_LIST,
    }


def _check(commands, names):
    patterns = [name for name in names if _is_pattern(name)]
    if patterns:
        raise NoSuchNode(
            f"{_listed(patterns)}: patterns are not taken here; name every node, as `ls` lists them"
        )
    missing = [name for name in names if not _exists(commands, name)]
    if missing:
        raise NoSuchNode(f"not in this scene: {_listed(missing)}; nothing was selected")


def _is_pattern(name):
    rest = name.replace("[*]", "")  # All components of one object: that is a name.
    return "*" in rest or "?" in rest


def _exists(commands, name):
    try:
        return bool(name.strip()) and bool(commands.objExists(name))
    except Exception:  # What cannot even be asked for.
        return False


def _listed(names):
    told = ", ".join(cut(name)[:200] for name in names[:LONGEST_LIST])
    if len(names) > LONGEST_LIST:
        told += f" and {len(names) - LONGEST_LIST} more"
    return told
