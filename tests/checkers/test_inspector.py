"""MCP Inspector's command line lists, calls and reads, over HTTP and through the bridge.

In both protocol eras; and it finds no error in the tools' schemas.
"""

import json

import pytest

from .programs import INSPECTOR, MAYA_MCP, run

both_eras = pytest.mark.parametrize("era", ["legacy", "modern"])
VERSIONS = {"legacy": "2025-11-25", "modern": "2026-07-28"}

# What there is to be listed, and one that must be among it; None where there need not be any.
LISTS = {
    "tools/list": ("tools", "name", "list_sessions"),
    "resources/list": ("resources", "uri", "maya://sessions"),
    "resources/templates/list": ("resourceTemplates", "name", "session scene"),
    "prompts/list": ("prompts", "name", "look_over_scene"),
}


@pytest.fixture(params=["http", "bridge"])
def inspect(engine, home, spoken, request):
    token = f"Authorization: Bearer {engine.token('inspector')}"
    over_http = ("--transport", "http", "--server-url", engine.endpoint, "--header", token)
    bridge = ("--", MAYA_MCP, "--home", engine.home, "stdio", "--client", "inspector")
    where = over_http if request.param == "http" else bridge

    def inspect(era, *what):
        answer = run(
            INSPECTOR, "--cli", "--protocol-era", era, "--format", "json", *what, *where, home=home
        )
        # 6 for an error in a schema. Its warnings are about dialects poorer than JSON Schema.
        assert answer.code == 0, answer
        spoken(VERSIONS[era])
        return answer

    return inspect


def result(answer):
    return json.loads(answer.out)["result"]


@both_eras
@pytest.mark.parametrize("method", LISTS)
def test_it_lists(inspect, era, method):
    things, key, wanted = LISTS[method]
    names = [thing[key] for thing in result(inspect(era, "--method", method))[things]]
    assert wanted in names, f"{wanted} is among them"
    assert not [name for name in names if name.startswith("test")], "and nothing made for tests"


@both_eras
def test_it_finds_no_error_in_the_tools_schemas(inspect, era):
    answer = inspect(era, "--method", "tools/list", "--strict")
    assert "\n0 errors" in answer.errors, f"it has looked\n{answer.errors}"


@both_eras
def test_it_calls_a_tool(inspect, era):
    called = result(inspect(era, "--method", "tools/call", "--tool-name", "list_sessions"))
    assert not called.get("isError"), called
    assert called["structuredContent"]["sessions"] == [], "no Maya runs where this engine looks"


@both_eras
def test_it_reads_a_resource(inspect, era):
    [contents] = result(inspect(era, "--method", "resources/read", "--uri", "maya://sessions"))[
        "contents"
    ]
    assert json.loads(contents["text"]) == [], "the same as list_sessions gives"
