"""Nodes and their types, the iterator over them, the selection, and a scene with many of them."""

import pytest


def test_a_filter_matches_what_derives_from_it(maya):
    maya("[cmds.createNode(k) for k in ('joint', 'objectSet', 'pointLight', 'animCurveTL')]")
    maya(
        "def count(name):\n"
        "    nodes = om2.MItDependencyNodes(getattr(om2.MFn, name)); n = 0\n"
        "    while not nodes.isDone(): n += 1; nodes.next()\n"
        "    return n\n"
    )
    for name, number in {
        "kTransform": 6,  # Four cameras, the joint, and the light's.
        "kJoint": 1,
        "kSet": 5,  # Two shading engines and two sets of Maya's, and ours.
        "kShadingEngine": 2,
        "kLight": 1,
        "kCamera": 4,
        "kAnimCurve": 1,
        "kPluginDependNode": 0,
    }.items():
        assert maya(f"count({name!r})") == number, name
    assert maya("count('kInvalid') == count('kDependencyNode') == len(cmds.ls())") is True


def test_an_iterator_gives_objects_that_know_what_they_are(maya):
    maya("cmds.createNode('joint', name='hip')")
    maya("node = om2.MItDependencyNodes(om2.MFn.kJoint).thisNode()")
    assert maya("node.apiTypeStr, node.hasFn(om2.MFn.kTransform)") == "('kJoint', True)"
    assert maya("om2.MFnDependencyNode(node).name()") == "hip"
    with pytest.raises(RuntimeError, match="kFailure"):
        maya("om2.MItDependencyNodes(om2.MFn.kLattice).thisNode()")


def test_the_active_selection_is_a_list_of_strings(maya):
    maya("cmds.select(cmds.polyCube(n='a')[0], 'persp')")
    maya("chosen = om2.MGlobal.getActiveSelectionList()")
    assert maya("chosen.length(), chosen.getSelectionStrings(1)") == "(2, ('persp',))"
    assert maya("chosen.getSelectionStrings()") == "('a', 'persp')"
    with pytest.raises(RuntimeError, match="IndexError"):
        maya("chosen.getSelectionStrings(2)")
    maya("cmds.select(clear=True)")
    maya("om2.MGlobal.setActiveSelectionList(chosen)")
    assert maya("cmds.ls(selection=True)") == "['a', 'persp']", "what it held did not change"
    assert maya("cmds.undoInfo(q=True, undoName=True)") == "select", "the API leaves no step"


def test_the_first_api_writes_into_what_it_is_given(maya):
    maya("cmds.polyCube(n='a')\nchosen = om.MSelectionList()\nnames = []")
    maya("om.MGlobal.getActiveSelectionList(chosen)\nchosen.getSelectionStrings(0, names)")
    assert maya("names") == "['a']"


def test_a_node_is_made_with_a_name_a_parent_and_a_selection(maya):
    maya("cmds.createNode('transform', name='top1')")
    assert maya("cmds.createNode('joint', name='hip', parent='top1', skipSelect=True)") == "hip"
    assert maya("cmds.ls(selection=True)") == "['top1']"
    assert maya("cmds.createNode('nurbsCurve')") == "curveShape1"
    assert maya("cmds.listRelatives('curveShape1', parent=True)") == "['curve1']"
    with pytest.raises(RuntimeError, match="Unknown object type: teapot"):
        maya("cmds.createNode('teapot')")


def test_queries_that_find_nothing_give_none(maya):
    for query in (
        "listRelatives('persp', parent=True)",
        "listRelatives('perspShape', shapes=True)",
        "pluginInfo(q=True, listPlugins=True)",
        "unknownPlugin(q=True, list=True)",
        "getPanel(type='nobody')",
    ):
        assert maya(f"cmds.{query}") is None, query
    assert maya("cmds.ls('nobody')") == "[]", "this one gives a list"


def test_a_type_is_listed_with_what_derives_from_it(maya):
    maya("cmds.createNode('joint', name='hip')")
    assert maya("'hip' in cmds.ls(type='transform')") is True
    assert maya("'hip' in cmds.ls(exactType='transform')") is False
    assert maya("cmds.nodeType('hip', inherited=True)[-2:]") == "['transform', 'joint']"
    with pytest.raises(RuntimeError, match="Unknown object type"):
        maya("cmds.ls(type='teapot')")


def test_cameras_are_made_and_listed(maya):
    assert maya("cmds.camera(orthographic=True)") == "['camera1', 'cameraShape1']"
    assert maya("cmds.listCameras(perspective=True)") == "['persp']"
    assert maya("cmds.camera('camera1', q=True, orthographic=True)") is True
    assert maya("cmds.listRelatives('camera1', shapes=True, fullPath=True)") == (
        "['|camera1|cameraShape1']"
    )


def test_deleting_takes_what_is_below_and_one_undo_brings_it_back(maya):
    maya("cmds.createNode('transform', name='g'), cmds.polyCube(n='a'), cmds.parent('a', 'g')")
    maya("cmds.delete('g')")
    assert maya("cmds.objExists('aShape')") is False
    maya("cmds.undo()")
    assert maya("cmds.ls('aShape', long=True)") == "['|g|a|aShape']"


def test_a_failing_step_leaves_nothing_behind(maya):
    with pytest.raises(RuntimeError):
        maya("cmds.setAttr('persp.translate', 1, 2, 'three')")
    assert maya("cmds.getAttr('persp.translate')") == "[(0.0, 0.0, 0.0)]"
    assert maya("cmds.undoInfo(q=True, undoQueueEmpty=True)") is True


def test_a_large_scene_is_made_at_once_and_a_chunk_in_it_costs_next_to_nothing(maya):
    state = maya.sim.control("scene", op="populate", count=100_000)
    assert state["node_count"] == 100_000 and len(state["nodes"]) == 1000 and state["modified"]
    maya(
        "import time\n"
        "def fastest(run): \n"
        "    times = []\n"
        "    for _ in range(20):\n"
        "        began = time.perf_counter(); run(); times.append(time.perf_counter() - began)\n"
        "    return min(times)\n"
        "def chunk():\n"
        "    cmds.undoInfo(openChunk=True); cmds.undoInfo(closeChunk=True)\n"
    )
    assert maya("fastest(chunk)") < 0.0005
    assert maya("fastest(cmds.polyCube)") < 0.005, "a step notes what changed, not the scene"
    maya("cmds.undo()")
    assert maya("cmds.undoInfo(q=True, redoName=True)") == "polyCube"
