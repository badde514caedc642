"""The command line of the play: `cargo xtask demo` builds everything and calls it."""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from .play import Play
from .started import last_lines
from .tell import Failed, say


def main():
    options = argparse.ArgumentParser(prog="demo")
    options.add_argument("--tray", type=Path, required=True)
    options.add_argument("--cli", type=Path, required=True)
    options.add_argument("--keep", action="store_true")
    options = options.parse_args()
    # Short: the path of a Unix socket has room for 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="maya-mcp-demo."))
    play = Play(options.tray, options.cli, folder, options.keep)
    try:
        asyncio.run(_until_told(play.perform()))
    except (KeyboardInterrupt, asyncio.CancelledError):
        say("\nEnded.")
        return 0 if options.keep else 130
    except Failed:
        say("\nIt did not all happen. The last lines of the tray application's log:")
        say(last_lines(play.log))
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


async def _until_told(play):
    task = asyncio.ensure_future(play)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    await task


sys.exit(main())
