"""The tray application, in a home of its own."""

import json
import os
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
TRAY = Path(os.environ.get("MAYA_MCP_TRAY", ROOT / "target/debug/maya-mcp-tray"))
# Quit must have ended everything by then.
QUITTING = 4.0


class Home:
    """The folders of a person who has Claude Desktop and Claude Code."""

    def __init__(self, path, studio):
        self.path = path
        self.ours = path / ".maya-mcp"
        self.desktop = path / ".config/Claude/claude_desktop_config.json"
        self.code = path / ".claude.json"
        self.autostart = path / ".config/autostart"
        self.desktop.parent.mkdir(parents=True)
        (path / ".claude").mkdir()
        self.ours.mkdir(mode=0o700)
        (path / "run").mkdir(mode=0o700)
        self.settings(maya_folders=[str(studio)], port=0)

    def settings(self, **keys):
        (self.ours / "settings.json").write_text(json.dumps(keys))

    def environment(self, screen, bus):
        return {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(self.path),
            "XDG_CONFIG_HOME": str(self.path / ".config"),
            "XDG_RUNTIME_DIR": str(self.path / "run"),
            "DISPLAY": screen.display,
            "DBUS_SESSION_BUS_ADDRESS": bus.address,
            "GDK_BACKEND": "x11",
            "NO_AT_BRIDGE": "1",
            "TAURI_WEBVIEW_AUTOMATION": "true",
            "RUST_BACKTRACE": "1",
            "MAYA_MCP_LOG": os.environ.get("MAYA_MCP_LOG", "info"),
        }


class Program:
    def __init__(self, environment, log, *arguments):
        self._log = log
        with log.open("ab") as stderr:
            self.process = subprocess.Popen([TRAY, *arguments], env=environment, stderr=stderr)

    def log(self):
        return self._log.read_text(errors="replace")

    def ended(self, deadline=QUITTING):
        """The exit code; negative for a signal."""
        return self.process.wait(deadline)

    def web_views(self):
        """The processes that draw its windows."""
        children = []
        for task in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            children += task.read_text().split()
        return [pid for pid in children if _name_of(pid).startswith("WebKitWeb")]

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def _name_of(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""  # It has just ended.
