"""A `~/.maya-mcp`, written as the engine writes it."""

import json
import os
import runpy
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "maya_helper"
PACKAGE = "maya_mcp_helper"


class Home:
    """One folder of it, with the loader and builds of the helper."""

    def __init__(self, path):
        self.path = path
        (path / "run").mkdir(parents=True)
        shutil.copy(SOURCE / "boot.py", path / "boot.py")

    def install(self, build="b1"):
        target = self.path / "helper" / build / PACKAGE
        shutil.copytree(SOURCE / PACKAGE, target, ignore=shutil.ignore_patterns("__pycache__"))
        return target

    def invite(self, build="b1", secret=None, nonce=None, **more):
        """(nonce, secret) of a new invitation."""
        secret = secret or os.urandom(32).hex()
        nonce = nonce or os.urandom(8).hex()
        text = json.dumps({"secret": secret, "helper": build, **more})
        (self.path / "run" / (nonce + ".json")).write_text(text, encoding="utf-8")
        return nonce, secret

    def connect(self, nonce):
        """What the one line through the command port does; the raw reply."""
        return runpy.run_path(str(self.path / "boot.py"))["connect"](nonce)
