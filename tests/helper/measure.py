"""Measures the helper in a process with a Qt main loop: latency, and what it weighs.

    target/venv/bin/python tests/helper/measure.py

Gives one JSON line. The engine is a process of its own, as in life.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUNDS = 5000


def main():
    if len(sys.argv) > 1:
        return engine(int(sys.argv[1]), sys.argv[2])
    sys.path[:0] = [str(HERE), str(HERE / "fake_maya")]
    import threading

    from maya import state
    from PySide6.QtCore import QCoreApplication, QTimer

    from conftest import Home

    state.main_thread = threading.get_ident()
    app = QCoreApplication([])
    home = Home(Path(tempfile.mkdtemp()) / ".maya-mcp")
    home.install()
    nonce, secret = home.invite()
    before = resident()
    reply = json.loads(home.connect(nonce))
    grown = resident() - before
    child = subprocess.Popen([sys.executable, __file__, str(reply["port"]), secret])
    timer = QTimer()
    timer.timeout.connect(lambda: child.poll() is not None and app.quit())
    timer.start(200)
    app.exec()
    afterwards = resident() - before
    sys.stdout.write(json.dumps({"grown_kb": grown, "grown_after_rounds_kb": afterwards}) + "\n")
    return child.returncode


def engine(port, secret):
    sys.path.insert(0, str(HERE))
    from engine import Engine

    link = Engine(port)
    facts = link.prove(secret)
    report = {"qt": facts["qt"]}
    for name, timeout_s in [("plain", None), ("with_timeout", 30)]:
        times = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            link.execute("1+1", timeout_s=timeout_s)
            times.append((time.perf_counter() - started) * 1000)
        cuts = statistics.quantiles(times, n=100)
        report[name] = {"p50_ms": round(cuts[49], 3), "p99_ms": round(cuts[98], 3)}
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()
    link.call("leave")


def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


if __name__ == "__main__":
    sys.exit(main())
