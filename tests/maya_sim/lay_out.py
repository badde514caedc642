"""Lays out a folder in which a Python interpreter is called `maya.bin`.

Invariant: the program is a copy, never a link, for the system names a process by the file it runs.

    python -m maya_sim.lay_out DIR VERSION [NAME]     prints DIR/maya<VERSION>/bin/<NAME>
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path


def lay_out(folder, version, name="maya.bin"):
    """Makes `folder/maya<version>/bin/<name>` unless it is there already; gives back its path."""
    root = Path(folder).absolute() / f"maya{version}"
    program = root / "bin" / name
    if program.exists():
        return program

    source = _interpreter()
    packages = root / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    for made in (program.parent, packages):
        made.mkdir(parents=True, exist_ok=True)
    _write(root / "pyvenv.cfg", f"home = {source.parent}\ninclude-system-site-packages = false\n")
    _link(packages / "site-packages", sysconfig.get_path("purelib"))
    _link_shared_python(root / "lib")

    # Copied beside and renamed: two tests that lay out the same folder never see half a program.
    part = program.with_name(f".{name}.{os.getpid()}")
    shutil.copy2(source, part)
    os.replace(part, program)
    _prove(program)
    return program


def _interpreter():
    """The real interpreter behind a venv's link or pyenv's shim."""
    # In a laid-out interpreter `_base_executable` names a maya.bin that is not there.
    plain = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for candidate in (sys._base_executable, os.path.join(sys.base_prefix, "bin", plain)):
        if candidate and os.path.exists(candidate):
            return Path(candidate).resolve()
    raise FileNotFoundError(f"no interpreter at {sys._base_executable} or below {sys.base_prefix}")


def _link_shared_python(lib):
    # pyenv's interpreter looks for libpython by an absolute path, others by one relative to the
    # program ($ORIGIN/../lib). A link serves the second kind, and does no harm to the first.
    folder = sysconfig.get_config_var("LIBDIR") or ""
    shared = sysconfig.get_config_var("INSTSONAME") or ""
    if shared.startswith("libpython") and ".so" in shared:
        found = os.path.join(folder, shared)
        if os.path.exists(found):
            _link(lib / shared, found)


def _link(link, target):
    try:
        link.symlink_to(target)
    except FileExistsError:
        pass


def _write(path, text):
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)


def _prove(program):
    """An interpreter that cannot start is told of here, not in the first test that uses it."""
    run = subprocess.run([program, "-c", "import sys"], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        program.unlink()
        raise RuntimeError(f"the copied interpreter does not start: {run.stderr.strip()}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: python -m maya_sim.lay_out DIR VERSION [NAME]")
    print(lay_out(*sys.argv[1:]))
