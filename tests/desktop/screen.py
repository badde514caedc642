"""A screen without a monitor.

It has a window manager, because only that can close a window politely.
"""

import os
import subprocess

from .waiting import until

TITLE = "Maya MCP Tray"


class Screen:
    def __init__(self):
        read, write = os.pipe()
        # Without -noreset it begins anew when its last client leaves: a question by wmctrl before
        # the window manager has connected would cut that one off.
        command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-noreset"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._server = subprocess.Popen([*command, "-nolisten", "tcp"], pass_fds=[write], **quiet)
        os.close(write)
        with os.fdopen(read) as lines:
            self.display = f":{lines.readline().strip()}"
        self.environment = {**os.environ, "DISPLAY": self.display}
        self._manager = subprocess.Popen(["openbox"], env=self.environment, **quiet)
        try:
            until(lambda: self._run("wmctrl", "-m").returncode == 0, what="the window manager")
        except BaseException:
            self.stop()
            raise

    def windows(self):
        """The program's windows on this screen, by X's number."""
        lines = self._run("wmctrl", "-l").stdout.splitlines()
        return [line.split()[0] for line in lines if line.endswith(TITLE)]

    def close_window(self):
        self._run("wmctrl", "-c", TITLE)

    def put_away(self):
        (window,) = self.windows()
        self._run("xdotool", "windowminimize", "--sync", window)

    def bring_back(self):
        self._run("wmctrl", "-a", TITLE)

    def look_away_and_back(self):
        self.put_away()
        self.bring_back()

    def picture(self, path):
        self._run("import", "-window", "root", str(path)).check_returncode()

    def clipboard(self):
        """What the window that owns the clipboard gives to another program."""
        script = (
            "import gi; gi.require_version('Gtk', '3.0'); from gi.repository import Gtk, Gdk;"
            "print(Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD).wait_for_text() or '', end='')"
        )
        return self._run("/usr/bin/python3", "-c", script).stdout

    def stop(self):
        for process in (self._manager, self._server):
            process.kill()
            process.wait()

    def _run(self, *command):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True)
