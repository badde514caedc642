"""What the sources may be: Python 3.7, the standard library, and quiet."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent.parent / "maya_helper"
FILES = sorted(SOURCE.rglob("*.py"))

ALLOWED = {"maya", "PySide2", "PySide6", "maya_mcp_helper"}
# No sys.stdlib_module_names in older Pythons; what is imported is few enough to be listed.
STANDARD = set(
    """
__future__ ast base64 collections ctypes functools getpass hashlib importlib io json keyword
linecache math operator os re runpy selectors shutil socket struct sys sysconfig tempfile threading
time tokenize traceback types zlib
""".split()
)


def trees():
    return [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_python_3_7(path):
    text = path.read_text(encoding="utf-8")
    older = {"feature_version": (3, 7)} if sys.version_info >= (3, 8) else {}
    ast.parse(text, **older)


def test_nothing_of_a_later_standard_library_is_used():
    pytest.importorskip("vermin")
    run = "import vermin; vermin.main()"
    command = [sys.executable, "-c", run, "-t=3.7-", "--no-tips", "--violations", str(SOURCE)]
    outcome = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert outcome.returncode == 0, outcome.stdout


def test_only_the_standard_library_is_imported():
    for path, tree in trees():
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            for name in names:
                root = name.split(".")[0]
                assert root in ALLOWED or root in STANDARD, (path.name, name)


def test_nothing_is_printed_and_nothing_is_slept():
    for path, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", None))
            assert name not in ("print", "sleep"), (path.name, node.lineno)


def test_every_file_opens_with_a_sentence_and_its_invariant():
    for path, tree in trees():
        text = ast.get_docstring(tree)
        assert text, path.name
        assert "Invariant:" in text, path.name


def test_the_loader_is_plain_ascii():
    (SOURCE / "boot.py").read_bytes().decode("ascii")


def test_every_file_opened_names_its_encoding():
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "open":
                mode = node.args[1].value if len(node.args) > 1 else "r"
                named = "encoding" in {keyword.arg for keyword in node.keywords}
                assert named or "b" in mode, (path.name, node.lineno)
