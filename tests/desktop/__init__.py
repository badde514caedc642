"""The tray application as a person meets it: its tray, its notices, its window.

Each test has a session bus and a home of its own, on a screen without a monitor, so these run from
any shell, also without a desktop:

    target/venv/bin/python -m pytest tests/desktop

`MAYA_MCP_TRAY` names the program, which has `maya-mcp` beside it; the default is the one in
target/debug/. Pictures of the window go to target/desktop/.
"""
