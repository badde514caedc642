"""References, files that went missing, and plug-ins that nobody has."""

import os

import pytest

ASSET = """//Maya ASCII 2025 scene
requires maya "2025";
createNode transform -s -n "persp";
createNode transform -n "pot";
createNode mesh -n "potShape" -p "pot";
"""


@pytest.fixture
def asset(folder):
    path = f"{folder}/asset.ma"
    with open(path, "w", encoding="utf-8") as file:
        file.write(ASSET)
    return path


def test_a_reference_brings_nodes_under_its_namespace(maya, asset):
    assert maya(f"cmds.file({asset!r}, reference=True, namespace='a')") == asset
    assert maya(f"cmds.file({asset!r}, reference=True, namespace='a')") == asset + "{1}"
    assert maya("cmds.ls('*:pot')") == "['a1:pot', 'a:pot']", "Maya's own cameras stay out"
    assert maya("cmds.file(q=True, reference=True)") == f"['{asset}', '{asset}{{1}}']"
    assert maya("cmds.referenceQuery('a1RN', filename=True)") == asset + "{1}"
    assert maya("cmds.referenceQuery('a1RN', filename=True, withoutCopyNumber=True)") == asset
    assert maya("cmds.referenceQuery('a1:potShape', referenceNode=True)") == "a1RN"
    with pytest.raises(RuntimeError, match="read only"):
        maya("cmds.rename('a:pot', 'mine')")


def test_not_every_reference_node_has_a_file(maya, asset):
    maya(f"cmds.file({asset!r}, reference=True, namespace='a')")
    assert maya("cmds.ls(type='reference')") == "['aRN', 'sharedReferenceNode']"
    with pytest.raises(RuntimeError, match="not associated with a reference file"):
        maya("cmds.referenceQuery('sharedReferenceNode', filename=True)")


def test_a_reference_can_be_there_without_being_loaded(maya, asset):
    maya(f"cmds.file({asset!r}, reference=True, namespace='a', deferReference=True)")
    assert maya("cmds.referenceQuery('aRN', isLoaded=True)") is False
    assert maya("cmds.referenceQuery('aRN', nodes=True)") is None
    maya("cmds.file(loadReference='aRN')")
    assert maya("cmds.referenceQuery('aRN', nodes=True)") == "['a:pot', 'a:potShape']"
    maya("cmds.file(unloadReference='aRN')")
    assert maya("cmds.objExists('a:pot')") is False


def test_a_missing_reference_is_asked_about_and_raises_when_the_rest_is_open(maya, asset, folder):
    maya(f"cmds.file({asset!r}, reference=True, namespace='a'), cmds.polyCube(n='own')")
    maya.sim.control("scene", op="save", path=f"{folder}/shot.ma")
    os.rename(asset, f"{folder}/moved.ma")
    maya.sim.control("dialog", answers=["skip"])
    with pytest.raises(RuntimeError, match="Reference file not found"):
        maya(f"cmds.file('{folder}/shot.ma', open=True)")
    history = maya.sim.control("state")["dialogs"]["history"]
    assert [window["title"] for window in history] == ["Missing Reference File"]
    assert maya("cmds.objExists('own')") is True, "the scene is open all the same"
    assert maya("cmds.referenceQuery('aRN', isLoaded=True)") is False
    assert maya("cmds.referenceQuery('aRN', filename=True, unresolvedName=True)") == asset
    maya(f"cmds.file('{folder}/moved.ma', loadReference='aRN')")
    assert maya("cmds.objExists('a:pot')") is True


def test_without_prompting_nobody_is_asked(maya):
    assert maya("cmds.file(q=True, prompt=True)") is True
    maya("cmds.file(prompt=False)")
    with pytest.raises(RuntimeError, match="File not found"):
        maya("cmds.file('/nowhere/x.ma', reference=True, namespace='x')")
    assert maya.sim.control("state")["dialogs"]["history"] == []


def test_a_missing_file_holds_maya_until_somebody_answers(maya):
    code = "cmds.file('/nowhere/x.ma', reference=True)"
    maya.sim.control("eval", code=code, wait=False)
    assert maya.sim.control("wait_dialog")["open"]["title"] == "Missing Reference File"
    maya.sim.control("answer", answer="skip")
    assert maya("cmds.file(q=True, reference=True)") == "[]", "and it was not made"


def test_nodes_of_an_absent_plug_in_are_kept_as_unknown(maya, folder):
    path = f"{folder}/brew.ma"
    lines = [
        'requires "teapot" "1.2";',
        'createNode teapotNode -n "brew";',
        'createNode transform -n "pot";',
        'createNode teapotShape -n "potShape" -p "pot";',
    ]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))
    maya(f"cmds.file({path!r}, open=True)")
    assert maya("cmds.unknownPlugin(q=True, list=True)") == "['teapot']"
    assert maya("cmds.ls(type='unknown') + cmds.ls(type='unknownDag')") == "['brew', 'potShape']"
    assert maya("om2.MItDependencyNodes(om2.MFn.kUnknown).isDone()") is False
    assert "was not found on MAYA_PLUG_IN_PATH" in maya.sim.control("script_editor")["errors"]
    maya("cmds.file(save=True)")
    with open(path, encoding="utf-8") as file:
        written = file.read()
    assert 'createNode teapotNode -n "brew"' in written and 'requires "teapot" "1.2"' in written
    with pytest.raises(RuntimeError, match="still in use"):
        maya("cmds.unknownPlugin('teapot', remove=True)")


def test_plug_ins_come_and_go(maya):
    assert maya("cmds.loadPlugin('fbxmaya')") == "['fbxmaya']"
    assert maya("cmds.pluginInfo(q=True, listPlugins=True)") == "['fbxmaya']"
    maya("cmds.unloadPlugin('fbxmaya')")
    assert maya("cmds.pluginInfo(q=True, listPlugins=True)") is None


def test_references_of_a_file_of_a_real_maya_are_read(maya, asset, folder):
    path = f"{folder}/shot.ma"
    with open(path, "w", encoding="utf-8") as file:
        file.write('file -rdi 1 -ns "a" -rfn "aRN" -typ "mayaAscii" "x.ma";\n')
        file.write(
            f'file -r -ns "a" -dr 1 -rfn "aRN" -op "v=0;"\n\t\t -typ "mayaAscii" "{asset}";\n'
        )
        file.write('createNode transform -n "own";\n')
    maya(f"cmds.file({path!r}, open=True)")
    assert (
        maya("cmds.referenceQuery('aRN', isLoaded=True), cmds.objExists('own')") == "(False, True)"
    )
