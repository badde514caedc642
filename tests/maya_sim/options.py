"""The command line of the stand-in.

Invariant: an option says what this Maya is like; what happens to it comes by the control channel.
"""

import argparse
import os
import re
import sys

ANSWERS = ("allow", "deny", "allow-all", "wait", "save", "dont-save", "cancel", "skip", "ok")


def parse(arguments=None):
    p = argparse.ArgumentParser(prog="maya.bin -m maya_sim", description="A stand-in for Maya.")
    p.add_argument("--version", help="default: the year in the path of the program, else 2025")
    p.add_argument("--default-port", choices=("posix", "windows", "off"), default="posix")
    p.add_argument("--windows-port", type=int, default=50007, metavar="N", help="instead of 50007")
    p.add_argument("--socket-dir", default="/tmp", metavar="DIR")
    p.add_argument("--command-port", action="append", default=[], metavar="SPEC")
    p.add_argument("--dialog", action="append", default=[], metavar="ANSWERS")
    p.add_argument("--dialog-delay", type=float, default=0.0, metavar="SECONDS")
    p.add_argument("--limit-mode", choices=("split", "close"), default="split")
    p.add_argument(
        "--no-qt", action="store_true", help="a plain idle loop, and no PySide to import"
    )
    p.add_argument("--batch", action="store_true")
    p.add_argument("--echo", action="store_true", help="every command port has echoOutput")
    p.add_argument(
        "--refusal",
        choices=("raise", "window", "silent"),
        default="raise",
        help="what happens when a check callback refuses",
    )
    p.add_argument("--script-editor", action="store_true", help="it is open (with Qt only)")
    p.add_argument(
        "--other-listener", action="append", default=[], choices=("http", "silent", "closing")
    )
    p.add_argument("--scene", metavar="PATH")
    p.add_argument(
        "--user-setup", nargs="?", const="~/maya", metavar="DIR", help="run userSetup.py below DIR"
    )
    p.add_argument("--temp-dir", metavar="DIR")
    p.add_argument("--control", metavar="HOST:PORT|PATH|@NAME")
    p.add_argument("--die-with-parent", action="store_true")
    options = p.parse_args(arguments)

    options.dialog = [a.strip() for given in options.dialog for a in given.split(",")]
    for answer in options.dialog:
        if answer not in ANSWERS:
            p.error(f"--dialog takes {', '.join(ANSWERS)}, not {answer!r}")
    options.version = options.version or _version_of(sys.executable)
    options.temp_dir = options.temp_dir or _temp_dir()
    options.user_setup = options.user_setup or os.environ.get("MAYA_APP_DIR")
    if options.script_editor and (options.no_qt or options.batch):
        p.error("--script-editor needs Qt")
    if options.batch:
        # The default port belongs to Maya's window: without one nobody opens it.
        options.default_port = "off"
        options.no_qt = True
    return options


def _version_of(program):
    found = re.search(r"maya(\d{4})", program, re.IGNORECASE)
    return found.group(1) if found else "2025"


def _temp_dir():
    names = ("MAYA_TMP_DIR", "TMPDIR", "TEMP", "TMP")
    return next((os.environ[name] for name in names if os.environ.get(name)), "/tmp")
