"""Starts other people's programs: in a home of their own, with no way out of this machine.

Invariant: when `run` has come back or raised, nothing runs any more of what it started.
"""

import os
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TRAY = Path(os.environ.get("MAYA_MCP_TRAY", ROOT / "target/debug/maya-mcp-tray"))
MAYA_MCP = TRAY.with_name("maya-mcp")
WITH_FIXTURES = TRAY.with_name("fixtures") / "maya-mcp"

PACKAGES = ROOT / "target/checkers/node_modules"
CONFORMANCE = PACKAGES / "@modelcontextprotocol/conformance/dist/index.js"
INSPECTOR = PACKAGES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
CLAUDE_CODE = PACKAGES / "@anthropic-ai/claude-code/cli-wrapper.cjs"

# Nobody listens there, so nothing that is not on this machine is reached.
NOWHERE = "http://127.0.0.1:9"
ALONE = {
    "HTTP_PROXY": NOWHERE,
    "HTTPS_PROXY": NOWHERE,
    "NO_PROXY": "127.0.0.1,localhost",
    "NODE_USE_ENV_PROXY": "1",
    "DO_NOT_TRACK": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "DISABLE_AUTOUPDATER": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "NO_COLOR": "1",
}


class Answer:
    def __init__(self, code, out, errors):
        self.code = code
        self.out = out
        self.errors = errors

    def __repr__(self):
        return f"exit code {self.code}\n{self.out}\n{self.errors}"


def node():
    """The one that the checkers want; this machine's own may be older."""
    return next(PACKAGES.glob("node-*/bin/node"))


def run(script, *arguments, home, deadline=60.0, **environment):
    """Runs a Node program to its end."""
    process = subprocess.Popen(
        [str(word) for word in (node(), script, *arguments)],
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **ALONE, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, errors = process.communicate(timeout=deadline)
    finally:
        # Those that it started itself are in its group.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    return Answer(process.returncode, out, errors)
