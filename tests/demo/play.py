"""The play: what happens, in its order.

Invariant: nothing is told that was not seen, and every wait has an end.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import AsyncExitStack

from maya_sim.client import Sim

from . import client, desktop
from .started import answer_of, started
from .tell import say, step

BALL = "hello_from_claude"
CODE = f"import maya.cmds as cmds\ncmds.polySphere(name={BALL!r})\ncmds.ls({BALL!r})"


class Play:
    def __init__(self, tray, cli, folder, keep):
        self.tray = tray
        self.cli = cli
        self.folder = folder
        self.keep = keep
        self.home = folder / "home"
        self.log = folder / "tray.log"

    async def perform(self):
        async with AsyncExitStack() as everything:
            stage = await self._find_desktop(everything)
            await self._start_application(everything)
            claude = await self._connect_claude(everything)
            mayas = await self._start_mayas(everything, claude, stage)
            for version, maya in mayas.items():
                await self._run_code(claude, version, maya)
            await self._kill(claude, stage, "2026", mayas)
            say()
            say("All of it happened.")
            if self.keep:
                await self._wait_for_ctrl_c()

    async def _find_desktop(self, everything):
        with step("Found a desktop") as found:
            stage = await everything.enter_async_context(desktop.find_or_make(self.folder))
            found.saw(stage.words)
        claude_desktop = self.home / ".config/Claude"
        claude_desktop.mkdir(parents=True)
        given = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        self.env = {
            **given,
            **stage.env,
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(claude_desktop.parent),
            "NO_AT_BRIDGE": "1",
        }
        return stage

    async def _start_application(self, everything):
        own = self.home / ".maya-mcp"
        own.mkdir(mode=0o700)
        settings = {"port": _free_port(), "maya_folders": [str(self.folder / "studio")]}
        (own / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        with step("Started the tray application") as start:
            program = started(self.tray, env=self.env, log=self.log)
            process = await everything.enter_async_context(program)
            while not (own / "endpoint.json").exists():
                if process.returncode is not None:
                    raise RuntimeError(
                        f"it ended with {process.returncode}. "
                        "If Maya MCP Tray runs on this desktop already, quit it first"
                    )
                if time.monotonic() > start.started + 20:
                    raise TimeoutError("its endpoint did not open within 20 s")
                await asyncio.sleep(0.01)
            self.endpoint = f"http://127.0.0.1:{settings['port']}/mcp"
            start.saw(self.endpoint)

    async def _connect_claude(self, everything):
        settings = self.home / ".config/Claude/claude_desktop_config.json"
        with step("Wrote Claude Desktop's settings") as wrote:
            await self._ask("clients", "connect", "claude-desktop")
            name, entry = client.entry(settings)
            wrote.saw(f'"{name}" runs {" ".join([entry["command"], *entry["args"]])}')
        with step("Started that entry as Claude Desktop does") as start:
            running = client.start(settings, self.home, self.folder / "bridge.log")
            claude = await everything.enter_async_context(running)
            start.saw(f"its tools are {', '.join(await claude.tools())}")
        return claude

    async def _start_mayas(self, everything, claude, stage):
        begun = time.monotonic()
        sims = await asyncio.gather(
            self._start_maya(
                everything, "2024", "--default-port", "off", "--command-port", "python:127.0.0.1:0"
            ),
            self._start_maya(everything, "2026", "--dialog", "allow-all"),
        )
        mayas = {}
        await self._choose_connect(claude, stage, "2026", sims[1], begun)
        for version, sim in zip(("2024", "2026"), sims, strict=True):
            with step(f"Maya {version} was started, found, and is ready", since=begun) as found:
                session = await _reached(claude, sim.pid, "ready")
                kind = sim.ports[0]
                found.saw(f"{session['session']}, by its {kind['language']} port {kind['address']}")
            mayas[version] = (sim, session["session"])
        with step("Maya 2026 asked its artist once, who chose Allow All"):
            dialogs = await asyncio.to_thread(
                lambda: sims[1].control("state")["dialogs"]["history"]
            )
            if len(dialogs) != 1:
                raise RuntimeError(f"it asked {len(dialogs)} times: {dialogs}")
        for version in mayas:
            with step(f"The artist was told of Maya {version}", since=begun) as told:
                # Two that are found at once are one notice.
                when, (title, _) = await stage.notices.first(
                    lambda notice, v=version: f"Maya {v}" in " ".join(notice)
                )
                told.saw(f"“{title}”", at=when)
        return mayas

    async def _choose_connect(self, claude, stage, version, sim, begun):
        """In place of its artist, by the command that does what the buttons do."""
        with step(f"The artist was asked whether to connect Maya {version}", since=begun) as told:
            ours = (f"Maya {version}", "choose Connect")
            when, (title, _) = await stage.notices.first(
                lambda notice: all(words in " ".join(notice) for words in ours)
            )
            told.saw(f"“{title}”", at=when)
        with step("and chose Connect"):
            await _reached(claude, sim.pid, "awaiting_connect")
            await self._ask("sessions", "connect", f"maya-{sim.pid}")

    async def _start_maya(self, everything, version, *arguments):
        folder = self.folder / version
        folder.mkdir()
        sim = await asyncio.to_thread(_start, version, arguments, folder, self.folder / "studio")
        everything.callback(_quit, sim)
        return sim

    async def _run_code(self, claude, version, maya):
        sim, session = maya
        with step(f"Claude Desktop ran code in Maya {version}") as ran:
            answer = await claude.run(session, CODE)
            if answer["error"] or answer["result"] != [BALL]:
                raise RuntimeError(f"the answer is {answer}")
            ran.saw(f"cmds.ls gives {answer['result']}")
        with step(f"Maya {version} itself has that sphere"):
            code = f"__import__('maya.cmds').cmds.objExists({BALL!r})"
            there = await asyncio.to_thread(sim.control, "eval", code=code)
            if there["value"] is not True:
                raise RuntimeError(f"objExists gives {there['value']}")

    async def _kill(self, claude, stage, version, mayas):
        sim, session = mayas[version]
        # Signals are held together for a while: one of before might be taken for that of now.
        await claude.pushed.calm()
        killed = time.monotonic()
        sim.process.kill()
        say(f"✔ Maya {version} was killed (SIGKILL to {sim.pid})")
        with step("The artist was told", since=killed) as told:
            ours = f"{version} closed unexpectedly"
            when, notice = await stage.notices.first(lambda notice: ours in notice[0], since=killed)
            told.saw(f"“{notice[0]}. {notice[1]}”", at=when)
        with step("Claude Desktop was told, unasked", since=killed) as told:
            when, what = await claude.pushed.first(lambda push: "resources/" in push, since=killed)
            told.saw(what, at=when)
        with step("Claude Desktop asked what changed") as asked:
            listing = await claude.sessions()
            left = [other["session"] for other in listing["sessions"]]
            crashed = [c["session"] for c in listing["changes"] if c["kind"] == "crashed"]
            if session in left or crashed != [session]:
                raise RuntimeError(f"the answer is {listing}")
            asked.saw(f"{session} crashed, {', '.join(left)} is left")

    async def _wait_for_ctrl_c(self):
        token = (await self._ask("token", "demo")).strip()
        say()
        say("Left running to play with; Ctrl-C ends everything.")
        say(f"  endpoint   {self.endpoint}")
        say(f"  token      {token}   (Authorization: Bearer …)")
        say(f"  try        {self.cli} --home {self.home / '.maya-mcp'} sessions")
        say(f"  the log    {self.log}")
        await asyncio.Event().wait()

    async def _ask(self, *words):
        code, said, complained = await answer_of(self.cli, *words, env=self.env)
        if code != 0:
            raise RuntimeError(
                f"maya-mcp {' '.join(words)} ended with {code}: {complained or said}"
            )
        return said


def _start(version, arguments, folder, programs):
    # Handed down to Maya: Ctrl-C would end it before the play does, and look like a crash.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    return Sim.start(version, *arguments, folder=folder, programs=programs)


def _quit(sim):
    """As its artist would, where it still can."""
    try:
        sim.control("quit", deadline=2.0)
        sim.wait(2.0)
    except (OSError, subprocess.TimeoutExpired):
        pass
    sim.stop()


async def _reached(claude, pid, phase, deadline=20.0):
    """Asks again at every push; the session's row once it is in that phase."""
    end = time.monotonic() + deadline
    while True:
        asked = time.monotonic()
        rows = (await claude.sessions())["sessions"]
        for row in rows:
            if row["pid"] == pid and row["phase"] == phase:
                return row
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"not within {deadline:.0f} s; the sessions are {rows}")
        try:
            await claude.pushed.first(lambda _: True, since=asked, deadline=min(left, 2.0))
        except TimeoutError:
            pass


def _is_ours(name):
    return name.startswith(("MAYA", "CARGO", "DBUS_", "XDG_")) or name in (
        "DISPLAY",
        "WAYLAND_DISPLAY",
    )


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
