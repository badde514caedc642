"""The command line of the measurements: `cargo xtask bench` builds everything and calls it.

Nothing is asserted: a number is for a person to judge, on a machine that does little else.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from . import endpoint, idle, link, start
from .table import show


def main():
    options = argparse.ArgumentParser(prog="bench")
    options.add_argument("--cli", type=Path, required=True)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--sessions", type=int, default=10)
    options.add_argument("--processes", type=int, default=600)
    measurements = {
        "idle": idle.measure,
        "start": start.measure,
        "link": link.measure,
        "endpoint": endpoint.measure,
    }
    options.add_argument("--only", action="append", choices=measurements, default=[])
    options = options.parse_args()
    # So that what was started is ended then, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name in options.only or measurements:
        # Short: the path of a Unix socket has room for 107 characters.
        with tempfile.TemporaryDirectory(prefix="maya-mcp-bench.") as folder:
            show(*measurements[name](options, Path(folder)))
    return 0


sys.exit(main())
