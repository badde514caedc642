"""The bare link: the helper's own protocol, spoken by as little as can speak it.

Invariant: no engine stands between, so what it takes is what any other way is compared with.
"""

import json
import sys
from pathlib import Path

HELPER_TESTS = Path(__file__).resolve().parent.parent / "helper"
sys.path.append(str(HELPER_TESTS))

from engine import Engine  # noqa: E402
from home import Home  # noqa: E402


def bring_in(sim, path, build="b1"):
    """A link to the helper of this build, brought in if it is not there; `path` is its home."""
    home = Home(path)
    home.install(build)
    nonce, secret = home.invite(build)
    boot = ascii(str(home.path / "boot.py"))
    reply = sim.send(
        sim.port("python"), f"__import__('runpy').run_path({boot})['connect']('{nonce}')"
    )
    engine = Engine(json.loads(reply)["port"], deadline=120.0)
    engine.prove(secret)
    return engine
