"""The artist's start-up file: where it is looked for, and what it sees."""

import pytest


@pytest.fixture
def write(tmp_path):
    """Writes a userSetup.py; gives the environment in which the stand-in finds it."""

    def write(text, version="2025"):
        scripts = tmp_path / version / "scripts"
        scripts.mkdir(parents=True)
        (scripts / "userSetup.py").write_bytes(text.encode())
        return {"MAYA_APP_DIR": str(tmp_path)}

    return write


def test_it_runs_in_main_before_the_loop_with_the_commands_there(start, write):
    env = write("import maya.cmds as cmds\nseen = (__name__, cmds.about(version=True))\n")
    sim = start("--default-port", "off", env=env)
    assert sim.control("eval", code="seen == ('__main__', '2025')")["value"] is True


def test_what_it_defers_runs_when_maya_is_idle(start, write):
    env = write(
        "import maya.utils\nran = []\n"
        "maya.utils.executeDeferred(lambda: ran.append(True))\nearly = list(ran)\n"
    )
    sim = start("--default-port", "off", env=env)
    sim.until(lambda _: sim.control("eval", code="bool(ran)")["value"])
    assert sim.control("eval", code="len(early)")["value"] == 0, "not while the file still ran"


@pytest.mark.parametrize("code", ["1/0", "raise SystemExit(3)", "this is not Python"])
def test_an_error_in_it_is_shown_and_the_start_goes_on(start, write, code):
    sim = start("--command-port", "python:0", env=write(code))
    shown = sim.control("script_editor")["errors"]
    assert shown.startswith("Failed to execute userSetup.py\nTraceback"), shown
    assert sim.send(sim.port("python"), "1+1") == "2", "Maya is there all the same"


def test_a_batch_maya_runs_it_too(start, write):
    sim = start("--batch", env=write("seen = True\n"))
    assert sim.control("eval", code="seen")["value"] is True


def test_the_file_of_another_version_is_not_run(start, write):
    sim = start("--default-port", "off", env=write("seen = True\n", version="2024"))
    assert sim.control("eval", code="'seen' in globals()")["value"] is False


def test_it_can_import_what_lies_beside_it(start, write, tmp_path):
    env = write("import beside\n")
    (tmp_path / "2025" / "scripts" / "beside.py").write_text("value = 5\n", encoding="utf-8")
    sim = start("--default-port", "off", env=env)
    assert sim.control("eval", code="beside.value")["value"] == 5


def test_the_home_folder_is_looked_at_only_when_asked(start, write, tmp_path):
    write("seen = True\n")
    (tmp_path / "maya").symlink_to(tmp_path)
    env = {"HOME": str(tmp_path), "MAYA_APP_DIR": ""}
    quiet = start("--default-port", "off", env=env)
    assert quiet.control("eval", code="'seen' in globals()")["value"] is False
    asked = start("--default-port", "off", "--user-setup", env=env)
    assert asked.control("eval", code="seen")["value"] is True


def test_a_folder_can_be_given(start, write, tmp_path):
    write("seen = True\n")
    sim = start("--default-port", "off", "--user-setup", str(tmp_path))
    assert sim.control("eval", code="seen")["value"] is True


def test_studios_can_keep_it_from_running(start, write):
    env = {**write("seen = True\n"), "MAYA_SKIP_USERSETUP_PY": "1"}
    sim = start("--default-port", "off", env=env)
    assert sim.control("eval", code="'seen' in globals()")["value"] is False
