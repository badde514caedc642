"""Other people's MCP programs against the real endpoint.

    cargo xtask test --only checkers
    target/venv/bin/pytest tests/checkers -q      # later, with what that has installed and built

`MAYA_MCP_TRAY` names the tray application, which has `maya-mcp` beside it; the default is the one
in target/debug. `fixtures/maya-mcp` beside them is the one that the conformance suite needs.
"""
