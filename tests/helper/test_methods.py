"""The methods beside `execute`, over the link: the shared rows, in the stand-in with its window."""

import json
from pathlib import Path

import pytest

from test_in_the_simulator import bring_in, start

pytest.importorskip("PySide6")  # Only the Python that has it runs the simulator.
FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "helper-protocol"


def test_every_shared_row_answers_as_agreed(home):
    rows = json.loads((FIXTURES / "methods.json").read_text(encoding="utf-8"))["rows"]
    with start() as sim:
        engine, _ = bring_in(sim, home, "python")
        for row in rows:
            answer = engine.answer(engine.ask(row["method"], **row["params"]))
            binary = bytes(engine.binary)
            if "error" in row:
                assert answer.get("error", {}).get("type") == row["error"], (row["name"], answer)
                assert answer["error"]["message"], row["name"]
                continue
            assert "error" not in answer, (row["name"], answer)
            assert answer["waited_ms"] >= 0, row["name"]
            assert holds(answer["result"], row["result"]), (row["name"], answer["result"])
            begins = bytes.fromhex(row.get("binary_begins", ""))
            assert binary.startswith(begins) and bool(binary) == bool(begins), row["name"]
        engine.close()


def holds(told, wanted):
    """True when everything wanted is in what was told."""
    if isinstance(wanted, dict):
        return all(name in told and holds(told[name], value) for name, value in wanted.items())
    return told == wanted
