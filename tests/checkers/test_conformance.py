"""The MCP conformance suite, on both protocol versions: what conformance.txt says, it finds."""

import json
import re
import tempfile
import warnings
from pathlib import Path

import pytest
from bench.engine import Engine

from .programs import CONFORMANCE, MAYA_MCP, WITH_FIXTURES, run

VERSIONS = ["2025-11-25", "2026-07-28"]
# What the table says, and on which program the scenario passes then.
SHIPPED = {"always"}
FIXTURES = {"always", "fixtures"}
ELSE = {"never", "-"}


def table(version):
    """What is expected of each scenario that the suite has for this version."""
    rows = {}
    for line in Path(__file__).with_name("conformance.txt").read_text().splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        name, *cells = line.split(maxsplit=3)
        word = cells[VERSIONS.index(version)]
        assert word in FIXTURES | ELSE, f"{name}: a word that means nothing, {word!r}"
        assert "never" not in cells[:2] or len(cells) == 3, f"{name}: says why never"
        assert name not in rows, f"{name} stands there once"
        rows[name] = word
    return {name: word for name, word in rows.items() if word != "-"}


@pytest.fixture(scope="module")
def report():
    """What the suite found on this program: for each scenario its checks that did not succeed."""
    found = {}

    def of(program, version):
        if (program, version) not in found:
            found[program, version] = ask(program, version)
        return found[program, version]

    return of


def ask(program, version):
    with tempfile.TemporaryDirectory(prefix="check.") as folder:
        out, home = Path(folder, "out"), Path(folder, "visitor")
        home.mkdir()
        # The suite has no token to show.
        with Engine(program, folder, "--insecure-no-token") as engine:
            where = ("server", "--url", engine.endpoint, "--suite", "all")
            what = ("--spec-version", version, "--output-dir", out)
            answer = run(CONFORMANCE, *where, *what, home=home, deadline=240.0)
        log = "\n".join(engine.log())
        assert "=== SUMMARY ===" in answer.out, f"it came to its end\n{answer}\n{log}"
        checks = {}
        for file in out.glob("*/checks.json"):
            name = re.fullmatch(r"server-(.+)-\d{4}-\d\d-\d\dT.*", file.parent.name)[1]
            checks[name] = json.loads(file.read_text())
    return {name: troubles(of_one) for name, of_one in checks.items()}


def troubles(checks):
    """A warning counts: it is what a server SHOULD do."""
    bad = [check for check in checks if check["status"] in ("FAILURE", "WARNING")]
    return [f"{check['id']}: {check.get('errorMessage')}" for check in bad]


both_versions = pytest.mark.parametrize("version", VERSIONS)


@both_versions
def test_the_table_names_every_scenario(report, version):
    assert sorted(report(MAYA_MCP, version)) == sorted(table(version)), "none is left out"


@both_versions
@pytest.mark.parametrize(
    "program,words",
    [(MAYA_MCP, SHIPPED), (WITH_FIXTURES, FIXTURES)],
    ids=["as shipped", "with fixtures"],
)
def test_the_scenarios_of_the_table_pass(report, program, words, version):
    found = report(program, version)
    expected = {name for name, word in table(version).items() if word in words}
    failed = {name: found.get(name, ["not run"]) for name in sorted(expected) if found.get(name, 1)}
    more = sorted(name for name, bad in found.items() if not bad and name not in expected)
    if more:
        warnings.warn(f"passes, and conformance.txt may say so: {', '.join(more)}", stacklevel=1)
    lines = [f"{name}: {trouble}" for name, bad in failed.items() for trouble in bad]
    assert not failed, "\n".join([f"{len(failed)} of {len(expected)} fail:", *lines])


def test_the_program_with_fixtures_says_so_and_the_other_has_none():
    for program, has in ((MAYA_MCP, False), (WITH_FIXTURES, True)):
        with tempfile.TemporaryDirectory(prefix="check.") as folder:
            with Engine(program, folder) as engine:
                pass
            said = "\n".join(engine.log())
            assert ("conformance fixtures" in said) == has, f"{program}\n{said}"
