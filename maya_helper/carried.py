"""Brings the helper into a Maya that cannot read the engine's home: its files come along.

Invariant: connect() never raises and gives what boot.py's connect() gives; nothing of the files
stays on the disk.
"""

import base64
import json
import os
import runpy
import shutil
import sys
import tempfile
import zlib


def _load_all(helper):
    """What it would load later is gone by then."""
    try:
        helper.load_all()
    except BaseException:  # The helper runs; what is missing is told when it is asked for.
        pass


def connect(luggage, nonce):
    """Unpacks the files into a folder for this user only, starts from there, and removes it."""
    folder = None
    try:
        folder = tempfile.mkdtemp(prefix="maya-mcp-")
        for name, text in json.loads(zlib.decompress(base64.b64decode(luggage))).items():
            path = os.path.join(folder, *name.split("/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        answer = runpy.run_path(os.path.join(folder, "boot.py"))["connect"](nonce)
        helper = sys.modules.get("maya_mcp_helper")
        if helper is not None:
            _load_all(helper)
        return answer
    except BaseException as error:  # Even a SystemExit must not leave through the command port.
        told = {"type": type(error).__name__, "message": str(error)[:500]}
        return json.dumps({"maya_mcp": 1, "nonce": nonce, "pid": os.getpid(), "error": told})
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if sys.__dict__.get("_maya_mcp") == {}:  # Where the pieces were.
            del sys.__dict__["_maya_mcp"]
