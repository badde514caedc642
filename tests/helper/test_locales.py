"""A Maya whose locale is not UTF-8, and homes whose names fit into no locale.

Invariant: each test first sees that Maya's Python really works in that locale, for else it would
prove nothing. The locales are made here, from the sources that Debian's package `locales` brings.
"""

import base64
import codecs
import collections
import json
import os
import shutil
import subprocess
import time
import zlib

import pytest

from conftest import SOURCE, Home
from engine import Engine

pytest.importorskip("PySide6")  # Only the Python that has it runs the simulator.
client = pytest.importorskip("maya_sim.client")

# Name: the source, the character map, and what Python calls the encoding.
LOCALES = {
    "zh_CN.GBK": ("zh_CN", "GBK", "gbk"),
    "ja_JP.SHIFT_JIS": ("ja_JP", "SHIFT_JIS", "shift_jis"),
    "de_DE.ISO-8859-1": ("de_DE", "ISO-8859-1", "iso8859-1"),
    "C": (None, None, "ascii"),
}
# The last character but one is a backslash in its second byte, in Shift-JIS and in GBK each.
NAME = "zu Hause bei Müller 表 乗 中文"
# How Python reads names of files,
NAMES = "__import__('sys').getfilesystemencoding()"
# and what is in a file that is opened without a word about it. Qt 6 makes this UTF-8, and no other.
FILES = "__import__('locale').getpreferredencoding(False)"
TEXT = "模型 Müller 表乗 😀"


@pytest.fixture(scope="session")
def locales(tmp_path_factory):
    """The folder with the locales."""
    if shutil.which("localedef") is None or not os.path.isdir("/usr/share/i18n/charmaps"):
        pytest.skip("nothing to make locales from; xtask installs Debian's package `locales`")
    folder = tmp_path_factory.mktemp("locales")
    for name, (source, charmap, _) in LOCALES.items():
        if source is not None:
            # Shift-JIS has a yen where ASCII has a backslash, of which localedef warns.
            command = [
                "localedef",
                "--no-warnings=ascii",
                "-i",
                source,
                "-f",
                charmap,
                folder / name,
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert (folder / name / "LC_CTYPE").exists(), done.stderr
    return folder


@pytest.fixture
def start(locales):
    """Starts a Maya in that locale, and sees that it is in it."""

    def start(name, *more, **env):
        env.update(LC_ALL=name, LOCPATH=str(locales), PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
        ports = ("--command-port", "python:0", "--command-port", "mel:0")
        sim = client.Sim.start("2025", "--default-port", "off", *ports, *more, env=env)
        for asked in [NAMES, FILES] if "--no-qt" in more else [NAMES]:
            encoding = sim.control("eval", code=asked)["value"]
            assert codecs.lookup(encoding).name == LOCALES[name][2], "else this test proves nothing"
        return sim

    return start


@pytest.fixture
def home_of(tmp_path):
    """A home whose folder has this name on the disk."""

    def make(name, encoding="utf-8"):
        home = Home(tmp_path / os.fsdecode(name.encode(encoding)) / ".maya-mcp")
        home.install()
        return home

    return make


def boot_of(home):
    """The loader's path as an expression: its bytes, of which no locale makes anything else."""
    return f"__import__('os').fsdecode({os.fsencode(home.path / 'boot.py')!r})"


def line_for(home, nonce, language):
    """The one line which the engine sends."""
    call = f"__import__('runpy').run_path({boot_of(home)})['connect']('{nonce}')"
    assert call.isascii()
    if language == "python":
        return call
    escaped = call.replace("\\", "\\\\").replace('"', '\\"')
    return f'/* Maya MCP asks to connect */ python("{escaped}")'


def bring_in(sim, home, language="python"):
    nonce, secret = home.invite()
    return engine_of(sim.send(sim.port(language), line_for(home, nonce, language)), secret)


def engine_of(line, secret):
    reply = json.loads(line)
    assert "error" not in reply, reply
    engine = Engine(reply["port"])
    engine.facts = engine.prove(secret)
    return engine


def leave(sim, engine):
    engine.call("leave")
    assert engine.ends()
    engine.close()
    left = "[n for n in __import__('sys').modules if n.startswith('maya_mcp')]"
    end = time.monotonic() + 10
    while sim.send(sim.port("python"), left) != "[]":
        assert time.monotonic() < end, "the helper's modules are still there"
    assert sim.control("script_editor")["errors"] == ""


@pytest.mark.parametrize("language", ["python", "mel"])
@pytest.mark.parametrize("qt", [[], ["--no-qt"]], ids=["qt", "plain"])
@pytest.mark.parametrize("name", ["zh_CN.GBK", "ja_JP.SHIFT_JIS"])
def test_the_helper_comes_in_works_and_leaves(start, home_of, name, qt, language):
    home = home_of(NAME)
    with start(name, *qt) as sim:
        engine = bring_in(sim, home, language)
        assert engine.execute(f"名字 = {TEXT!r}\nprint(名字)\n名字 + '!'")["result"] == TEXT + "!"
        leave(sim, engine)


@pytest.mark.parametrize("name", LOCALES)
def test_a_home_of_any_name_is_found(start, home_of, name):
    """UTF-8 as the desktop has it, the locale's own as an older system has it, and neither."""
    encoding = LOCALES[name][2]
    homes = [home_of(NAME), home_of("中文", "utf-16-be"), home_of("Müller ", "latin-1")]
    if name != "C":
        homes.append(home_of(NAME.encode(encoding, "ignore").decode(encoding) + "2", encoding))
    with start(name, "--no-qt") as sim:
        for home in homes:
            engine = bring_in(sim, home)
            assert engine.execute("1+1")["result"] == 2
            leave(sim, engine)
            assert list((home.path / "run").iterdir()) == [], "the invitation was taken"


@pytest.mark.parametrize("name", LOCALES)
def test_code_output_and_errors_arrive_whole(start, home_of, name):
    with start(name, "--no-qt") as sim:
        engine = bring_in(sim, home_of(NAME))
        outcome = engine.execute(f"import sys\nprint({TEXT!r})\nprint({TEXT!r}, file=sys.stderr)")
        assert (outcome["stdout"], outcome["stderr"]) == (TEXT + "\n", TEXT + "\n")
        assert TEXT in sim.control("script_editor")["output"], "the artist sees it as well"
        outcome = engine.execute(f"def 错误():\n    raise ValueError({TEXT!r})\n错误()")
        assert outcome["error"]["message"] == TEXT
        assert f"raise ValueError({TEXT!r})" in outcome["error"]["traceback"]
        assert "in 错误" in outcome["error"]["traceback"]
        assert engine.execute(f"{TEXT!r}", result_type="RAW")["result"] == TEXT
        engine.close()


@pytest.mark.parametrize("name", ["zh_CN.GBK", "ja_JP.SHIFT_JIS"])
def test_what_maya_itself_prints_arrives_whole(start, home_of, name):
    with start(name, "--no-qt") as sim:
        engine = bring_in(sim, home_of(NAME))
        engine.call("subscribe", events=["output"])
        number = engine.ask("execute", code=f"import maya.cmds as cmds\ncmds.warning({TEXT!r})")
        assert engine.outcome(number)["error"] is None
        assert TEXT in sim.control("script_editor")["warnings"]
        sim.control("print", text=TEXT)
        printed = until(engine, lambda streams: TEXT in streams["stdout"] + streams["info"])
        assert TEXT in printed["warning"]
        engine.close()


def until(engine, found):
    """What everybody has printed, by stream, once it is found there."""
    end = time.monotonic() + 10
    while True:
        engine.call("ping")  # Its answer is behind whatever was sent by then.
        streams = collections.defaultdict(str)
        for stream, text in engine.output.get(None, []):
            streams[stream] += text
        if found(streams):
            return streams
        assert time.monotonic() < end, dict(streams)


@pytest.mark.parametrize(
    ("name", "scene"), [("zh_CN.GBK", "镜头 Müller"), ("ja_JP.SHIFT_JIS", "表")]
)
def test_a_scene_in_the_locales_encoding_is_told_by_its_name(start, home_of, tmp_path, name, scene):
    encoding = LOCALES[name][2]
    with start(name, "--no-qt") as sim:
        engine = bring_in(sim, home_of(NAME))
        path = str(tmp_path / scene) + ".ma"
        code = f"import maya.cmds as cmds\ncmds.file(rename={path!r})\ncmds.file(save=True)"
        outcome = engine.execute(code)
        assert outcome["error"] is None, outcome
        told = engine.event("scene")
        assert told["scene_name"] == scene + ".ma"
        assert told["scene_path"] == path
        on_disk = os.path.join(os.fsencode(tmp_path), scene.encode(encoding) + b".ma")
        assert os.path.exists(on_disk), "so it was the locale's encoding"
        engine.close()
        engine = bring_in(sim, home_of(NAME + " 2"))
        assert engine.facts["scene_name"] == scene + ".ma", "and to one that comes later"
        engine.close()


@pytest.mark.parametrize("name", ["zh_CN.GBK", "C"])
def test_a_file_name_that_the_locale_cannot_read_breaks_no_link(start, home_of, tmp_path, name):
    raw = "Übergröße 中文".encode()
    (tmp_path / "files").mkdir()
    path = tmp_path / "files" / os.fsdecode(raw + b".ma")
    path.write_text("//Maya ASCII 2025 scene\n", encoding="utf-8")
    with start(name, "--no-qt") as sim:
        engine = bring_in(sim, home_of(NAME))
        folder = str(tmp_path / "files")
        listed = engine.execute(
            f"import os\nfound = os.listdir({folder!r})\nprint(found[0])\nfound"
        )
        assert listed["error"] is None
        assert listed["result"][0].endswith(".ma"), listed
        assert "\N{REPLACEMENT CHARACTER}" in listed["result"][0], "half a character is none"
        assert listed["stdout"].rstrip("\n") == listed["result"][0]
        path = f"os.path.join({folder!r}, found[0])"
        code = f"import maya.cmds as cmds\ncmds.file({path}, open=True, force=True)"
        assert engine.execute(code)["error"] is None
        assert engine.event("scene")["scene_name"].endswith(".ma")
        missing = engine.execute(f"open({path} + '2')")["error"]
        assert missing["type"] == "FileNotFoundError"
        assert engine.execute("1+1")["result"] == 2
        engine.close()


@pytest.mark.parametrize("name", ["zh_CN.GBK", "C"])
def test_it_comes_by_itself_and_is_found_by_its_announcement(start, home_of, tmp_path, name):
    home = home_of(NAME)
    (home.path / "helper" / "current").write_text("b1", encoding="ascii")
    scripts = tmp_path / "maya" / "2025" / "scripts"
    scripts.mkdir(parents=True)
    lines = f"__import__('runpy').run_path({boot_of(home)})['start_up']()\n"
    (scripts / "userSetup.py").write_text(lines, encoding="ascii")
    with start(name, "--no-qt", MAYA_APP_DIR=str(tmp_path / "maya")) as sim:
        path = home.path / "run" / "announced" / f"{sim.pid}.json"
        sim.until(lambda _: path.exists())
        told = json.loads(path.read_text(encoding="ascii"))
        engine = Engine(told["port"])
        engine.prove(told["secret"])
        assert engine.execute(repr(TEXT))["result"] == TEXT
        sim.control("quit")
        assert engine.event("goodbye") == {"reason": "maya_exiting"}
        assert sim.wait() == 0
        assert not path.exists(), "a clean exit takes the announcement along"
        engine.close()


@pytest.mark.parametrize("name", ["zh_CN.GBK", "C"])
def test_files_that_come_along_are_unpacked_below_a_folder_of_any_name(start, tmp_path, name):
    temporary = tmp_path / os.fsdecode("临时 Müller".encode())
    temporary.mkdir()
    secret = os.urandom(32).hex()
    files = {"run/ab.json": json.dumps({"secret": secret, "helper": "b1"})}
    files["boot.py"] = (SOURCE / "boot.py").read_text(encoding="utf-8")
    for file in (SOURCE / "maya_mcp_helper").glob("*.py"):
        files[f"helper/b1/maya_mcp_helper/{file.name}"] = file.read_text(encoding="utf-8")
    luggage = base64.b64encode(zlib.compress(json.dumps(files).encode())).decode()
    with start(name, "--no-qt", TMPDIR=str(temporary)) as sim:
        carried = f"__import__('runpy').run_path({str(SOURCE / 'carried.py')!r})"
        line = sim.control("eval", code=f"{carried}['connect']({luggage!r}, 'ab')")["value"]
        engine = engine_of(line, secret)
        assert engine.execute(repr(TEXT))["result"] == TEXT
        assert list(temporary.iterdir()) == [], "nothing of the files stays"
        leave(sim, engine)
