"""The scene in numbers: bounded, harmless, and whole as far as this Maya can say."""

import json
import os
import sys
import threading
import time

import pytest

from method_calls import load, put_maya, stand_in

FIELDS = {
    "file", "modified", "units", "up_axis", "frames", "nodes", "cameras", "references",
    "selection", "unknown_nodes", "unknown_plugins", "plugins",
}  # fmt: skip

# kind -> the function sets that its nodes have
KINDS = {
    "mesh": {"kMesh", "kShape"},
    "joint": {"kJoint", "kTransform"},
    "transform": {"kTransform"},
    "camera": {"kCamera", "kShape"},
    "reference": {"kReference"},
    "unknown": {"kUnknown"},
    "unknownDag": {"kUnknown", "kUnknownDag"},
}


class Node:
    def __init__(self, kind, name):
        self.kind, self.name = kind, name

    def hasFn(self, wanted):
        return wanted in KINDS[self.kind]

    def apiType(self):
        return self.kind


def api_of(nodes):
    """The classes of the API over these nodes. They count how many names were asked for."""
    asked = []

    class MFn:
        pass

    for functions in KINDS.values():
        for name in functions:
            setattr(MFn, name, name)

    class MItDependencyNodes:
        def __init__(self, kind=None):
            found = nodes
            if kind is not None:
                found = [node for node in nodes if node.hasFn(kind)]
            self.found, self.at, self.end = found, 0, len(found)

        def isDone(self):
            return self.at >= self.end

        def next(self):
            self.at += 1

        def thisNode(self):
            return self.found[self.at]

    class MFnDagNode:
        def __init__(self, node):
            if not node.hasFn("kShape") and not node.hasFn("kTransform"):
                raise TypeError("not a DAG node")
            self.node = node

        def partialPathName(self):
            asked.append(self.node)
            return self.node.name

    class MFnDependencyNode:
        def __init__(self, node):
            self.node = node

        def name(self):
            asked.append(self.node)
            return self.node.name

    return {
        "MFn": MFn,
        "MItDependencyNodes": MItDependencyNodes,
        "MFnDagNode": MFnDagNode,
        "MFnDependencyNode": MFnDependencyNode,
        "MGlobal": MGlobal,
        "asked": asked,
    }


class MGlobal:
    @staticmethod
    def getActiveSelectionList():
        raise RuntimeError("no selection in this test")


class Commands:
    """What an artist's scene answers. Only questions are allowed."""

    def __init__(self, references=None, **answers):
        self.references = references or {}
        self.answers = answers

    def file(self, *path, query=False, sceneName=False, modified=False, exists=False):
        assert query, "nothing is changed"
        if exists:
            return False
        return "/show/shot.ma" if sceneName else True

    def currentUnit(self, query, **asked):
        return {"linear": "cm", "angle": "deg", "time": "film"}[next(iter(asked))]

    def upAxis(self, query, axis):
        return "y"

    def playbackOptions(self, query, **asked):
        return {"minTime": 1.0, "maxTime": 24.0}.get(next(iter(asked)), 100.0)

    def currentTime(self, query):
        return 5.0

    def unknownPlugin(self, query, list):  # noqa: A002
        return self.answers.get("unknown_plugins")

    def pluginInfo(self, query, listPlugins):
        return self.answers.get("plugins", ["fbxmaya", "mtoa"])

    def listRelatives(self, shape, parent, path):
        return [shape[: -len("Shape")]]

    def ls(self, selection):
        return ["pCube1"]

    def workspace(self, query, rootDirectory):
        return self.answers.get("root", "/nowhere/")

    def referenceQuery(self, node, isLoaded=False, unresolvedName=False, **asked):
        path, unresolved, loaded = self.references[node]
        if path is None:
            raise RuntimeError("Reference node is not associated with a reference file.")
        if isLoaded:
            return loaded
        assert asked == {"filename": True, "withoutCopyNumber": True}
        return unresolved if unresolvedName else path


@pytest.fixture
def scene(monkeypatch):
    """What is told of a scene of these nodes."""
    module = load(monkeypatch, "summary")

    def tell(nodes=(), commands=None, api=None):
        api = api_of(list(nodes)) if api is None else api
        put_maya(monkeypatch, Commands() if commands is None else commands, api or None)
        told = module.scene({}).result
        assert set(told) == FIELDS, "every field is there, whatever fails"
        json.dumps(told, allow_nan=False)
        return told

    tell.module = module
    return tell


def test_a_scene_is_told_in_numbers(scene):
    nodes = [Node("camera", "perspShape"), Node("mesh", "m"), Node("joint", "j")]
    told = scene([*nodes, Node("transform", "t")])
    assert told["file"] == "/show/shot.ma"
    assert told["modified"] is True
    assert told["units"] == {"linear": "cm", "angle": "deg", "time": "film"}
    assert told["up_axis"] == "y"
    assert told["frames"] == {
        "start": 1.0, "end": 24.0, "animation_start": 100.0, "animation_end": 100.0, "current": 5.0
    }  # fmt: skip
    assert told["cameras"] == {"count": 1, "names": ["persp"]}
    assert told["plugins"] == {"count": 2, "names": ["fbxmaya", "mtoa"]}
    assert told["selection"] == {"count": 1, "names": ["pCube1"], "truncated": False}


def test_a_type_counts_what_derives_from_it(scene):
    nodes = [Node("joint", "j"), Node("joint", "k"), Node("transform", "t"), Node("mesh", "m")]
    counts = scene(nodes)["nodes"]
    assert (counts["all"], counts["transform"], counts["joint"], counts["mesh"]) == (4, 3, 2, 1)
    assert counts["light"] is None, "this Maya's API does not have it"


def test_unknown_nodes_are_counted_once_and_named(scene):
    nodes = [Node("unknown", f"u{n}") for n in range(150)] + [Node("unknownDag", "d")]
    told = scene(nodes)["unknown_nodes"]
    assert told["count"] == 151
    assert len(told["names"]) == 100


def test_hundred_thousand_nodes_cost_little_and_are_not_named(scene):
    nodes = [Node("transform", "t") for _ in range(50_000)]
    nodes += [Node("mesh", "m") for _ in range(50_000)]
    nodes += [Node("camera", f"c{n}Shape") for n in range(300)]
    api = api_of(nodes)
    started = time.perf_counter()
    told = scene(api=api)
    took = time.perf_counter() - started
    assert told["nodes"]["all"] == 100_300
    assert told["cameras"]["count"] == 300
    assert len(api["asked"]) == 100, "names are asked for only where they are told"
    assert took < 2.0, "with an API in Python; Maya's own is some ten times as fast"


def test_none_from_a_list_of_plug_ins_means_that_there_are_none(scene):
    assert scene()["unknown_plugins"] == {"count": 0, "names": []}
    told = scene(commands=Commands(unknown_plugins=["b", "a"]))["unknown_plugins"]
    assert told == {"count": 2, "names": ["a", "b"]}
    told = scene(commands=Commands(plugins=[f"p{n:03}" for n in range(250)]))["plugins"]
    assert (told["count"], len(told["names"])) == (250, 100)


def test_texts_are_cut(scene):
    long = "x" * 100_000
    told = scene([Node("unknown", long)], Commands(plugins=[long]))
    assert told["plugins"]["names"] == told["unknown_nodes"]["names"] == ["x" * 4096]


FAILURES = {
    "absent": AttributeError("no such command"),
    "crashed plug-in": RuntimeError("Object is invalid"),
    "bad flag": TypeError("Invalid flag"),
}


@pytest.mark.parametrize("failure", sorted(FAILURES))
@pytest.mark.parametrize(
    ("command", "field"),
    [("upAxis", "up_axis"), ("pluginInfo", "plugins"), ("unknownPlugin", "unknown_plugins")],
)
def test_a_question_that_fails_leaves_its_field_null_and_the_rest_whole(
    scene, command, field, failure
):
    whole = scene()

    class Failing(Commands):
        pass

    def fail(self, *_, **__):
        raise FAILURES[failure]

    setattr(Failing, command, fail)
    assert scene(commands=Failing()) == dict(whole, **{field: None})


def test_one_unit_that_fails_leaves_the_others(scene):
    class Failing(Commands):
        def currentUnit(self, query, **asked):
            if "angle" in asked:
                raise RuntimeError("no")
            return super().currentUnit(query, **asked)

        def playbackOptions(self, query, **asked):
            return float("nan")

    told = scene(commands=Failing())
    assert told["units"] == {"linear": "cm", "angle": None, "time": "film"}
    assert told["frames"]["start"] is None
    assert told["frames"]["current"] == 5.0


def test_a_maya_that_answers_with_none_alone_gives_nulls(scene):
    class Silent:
        def __getattr__(self, name):
            if name.startswith("__"):
                raise AttributeError(name)
            return lambda *_, **__: None

        def __dir__(self):
            return ["file", "currentUnit", "upAxis", "currentTime", "playbackOptions", "ls"]

    told = scene(commands=Silent())
    assert told["file"] is told["modified"] is told["up_axis"] is None
    assert set(told["units"].values()) == set(told["frames"].values()) == {None}


def test_a_maya_without_any_of_it_still_gives_every_field(scene):
    told = scene(commands={}, api={})
    assert told["file"] is told["cameras"] is told["references"] is told["selection"] is None
    assert told["nodes"] is None


def references(scene, commands):
    nodes = [Node("reference", name) for name in commands.references]
    return scene(nodes, commands)["references"]


def test_a_reference_tells_its_file_and_whether_it_is_there(scene, tmp_path, monkeypatch):
    (tmp_path / "rig.ma").write_text("")
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes" / "set.ma").write_text("")
    monkeypatch.setenv("SHOW_X", str(tmp_path))
    here, gone = str(tmp_path / "rig.ma"), str(tmp_path / "gone.ma")
    away = str(tmp_path / "no" / "such" / "folder.ma")
    found = {
        "rigRN": (here, here, True),
        "goneRN": (gone, gone, False),
        "awayRN": (away, away, False),
        "variableRN": ("$SHOW_X/rig.ma", "$SHOW_X/rig.ma", True),
        "unsetRN": ("$NOT_SET_X/rig.ma", "$NOT_SET_X/rig.ma", False),
        "relativeRN": ("scenes/set.ma", "scenes/set.ma", True),
        "resolvedRN": (here, "$NOT_SET_X/rig.ma", True),
    }
    told = references(scene, Commands(found, root=str(tmp_path) + os.sep))
    assert told["count"] == 7
    missing = {entry["node"]: entry["missing"] for entry in told["entries"]}
    assert missing == {
        "rigRN": False, "goneRN": True, "awayRN": True, "variableRN": False, "unsetRN": True,
        "relativeRN": False, "resolvedRN": False,
    }  # fmt: skip
    assert told["entries"][1] == {"node": "goneRN", "file": gone, "loaded": False, "missing": True}


def test_reference_nodes_that_stand_for_no_file_are_left_out(scene):
    found = {
        "sharedReferenceNode": (None, None, None),
        "ns:sharedReferenceNode1": (None, None, None),
        "_UNKNOWN_REF_NODE_": (None, None, None),
        "brokenRN": (None, None, None),
    }
    told = references(scene, Commands(found))
    broken = {"node": "brokenRN", "file": None, "loaded": None, "missing": None}
    assert told == {"count": 1, "entries": [broken]}


def test_a_server_that_is_down_is_waited_for_once_and_the_others_are_known(
    scene, tmp_path, monkeypatch
):
    summary = sys.modules["maya_mcp_helper.summary"]
    monkeypatch.setattr(summary, "LOOKING_S", 0.5)
    (tmp_path / "rig.ma").write_text("")
    here = str(tmp_path / "rig.ma")
    found = {f"r{n}RN": (f"/mnt/dead/{n}/r.ma", f"/mnt/dead/{n}/r.ma", True) for n in range(90)}
    found.update(hereRN=(here, here, True), goneRN=(here + "x", here + "x", True))
    answers = threading.Event()
    asked = []
    isdir = os.path.isdir

    def is_dir(path):
        if path.startswith("/mnt/dead"):
            asked.append(path)
            assert answers.wait(30)
        return isdir(path)

    monkeypatch.setattr(os.path, "isdir", is_dir)
    for _ in range(2):  # The second time it is still being waited for.
        started = time.monotonic()
        entries = references(scene, Commands(found))["entries"]
        assert time.monotonic() - started < 5
        missing = {entry["node"]: entry["missing"] for entry in entries}
        assert (missing.pop("hereRN"), missing.pop("goneRN")) == (False, True)
        assert set(missing.values()) == {None}
        assert len(asked) == 1
    waiting = summary._looking["/mnt/dead"]
    answers.set()
    waiting.join(30)
    assert len(asked) == 1, "nobody waits for the others any more"
    monkeypatch.setattr(summary, "LOOKING_S", 30)
    entries = references(scene, Commands(found))["entries"]
    assert [entry["missing"] for entry in entries].count(True) == 91
    assert not summary._looking


def test_of_many_references_the_first_hundred_are_told(scene):
    found = {f"r{n}RN": (f"/no/{n}.ma", f"/no/{n}.ma", True) for n in range(250)}
    told = references(scene, Commands(found))
    assert (told["count"], len(told["entries"])) == (250, 100)


def test_a_parameter_is_the_engines_fault(scene):
    with pytest.raises(scene.module.requests.BadParams):
        scene.module.scene({"all": True})


STATE = (
    "repr((cmds.ls(sl=True), cmds.file(q=True, modified=True),"
    " cmds.undoInfo(q=True, undoName=True), len(cmds.ls())))"
)


def test_in_the_stand_in_nothing_is_changed_or_printed(tmp_path):
    there, gone = str(tmp_path / "set.ma"), str(tmp_path / "gone.ma")
    with stand_in("--no-qt") as run:
        run(f"cmds.polyCube(); cmds.file(rename={there!r}); cmds.file(save=True)")
        run("cmds.file(new=True); cmds.polySphere(); cmds.file(prompt=False)")
        run(f"cmds.file({there!r}, reference=True, namespace='set')")
        run(f"import os, shutil; shutil.copy({there!r}, {gone!r})")
        run(f"cmds.file({gone!r}, reference=True, namespace='gone'); os.remove({gone!r})")
        run("from maya_mcp_helper import summary; import json")
        before, shown = run(STATE), run.sim.control("script_editor")["position"]
        told = json.loads(run("json.dumps(summary.scene({}).result)"))
        assert set(told) == FIELDS
        assert None not in told.values()
        missing = {entry["node"]: entry["missing"] for entry in told["references"]["entries"]}
        assert missing == {"setRN": False, "goneRN": True}
        assert told["cameras"]["names"] == ["persp", "top", "front", "side"]
        assert run(STATE) == before
        assert run.sim.control("script_editor")["position"] == shown


def test_hundred_thousand_nodes_of_the_stand_in_are_summed_up_at_once():
    with stand_in("--no-qt") as run:
        run.sim.control("scene", op="populate", count=100_000)
        run("from maya_mcp_helper import summary; import time, json; cmds.select(all=True)")
        run("started = time.perf_counter(); told = summary.scene({}).result")
        took = run("time.perf_counter() - started")
        told = json.loads(run("json.dumps(told)"))
        assert told["nodes"]["all"] > 100_000
        assert told["selection"]["count"] > 40_000
        assert len(json.dumps(told)) < 20_000
        assert took < 2.0
