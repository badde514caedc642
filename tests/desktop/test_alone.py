"""Where something that a desktop usually has is missing, the program carries on."""

import json
import socket
import urllib.error
import urllib.request

from .waiting import until


def answers(desktop):
    """Whether the endpoint is there: without a token it refuses, and that is an answer."""
    file = desktop.home.ours / "endpoint.json"
    if not file.exists():
        return False
    try:
        urllib.request.urlopen(json.loads(file.read_text())["endpoint"], timeout=5)
    except urllib.error.HTTPError as refusal:
        return refusal.code == 401
    return False


def test_without_a_notification_daemon_a_click_is_answered_in_the_window(desktop):
    host = desktop.tray_host()
    program = desktop.start()
    menu = desktop.menu(host)
    maya = desktop.maya("2025")
    until(lambda: menu.line(f"maya-{maya.pid})"), what="Maya in the menu")
    menu.click("Connect Claude Desktop")
    until(lambda: menu.line("Claude Desktop is connected"), what="the mark")
    until(desktop.screen.windows, what="the window, instead of a notice")
    assert program.process.poll() is None, "it carries on"


def test_without_a_tray_host_it_serves_all_the_same(desktop):
    program = desktop.start()
    until(lambda: answers(desktop), what="the endpoint")
    program.terminate()
    assert program.ended() == 0, "and ends in time"


def test_without_a_session_bus_it_serves_all_the_same(desktop):
    program = desktop.start(DBUS_SESSION_BUS_ADDRESS=f"unix:path={desktop.path}/nothing")
    until(lambda: answers(desktop), what="the endpoint")
    program.terminate()
    assert program.ended() == 0, "and ends in time"


def test_without_the_library_of_trays_the_window_is_the_program(desktop):
    # An empty file that is found first loads as little as none.
    libraries = desktop.path / "lib"
    libraries.mkdir()
    for name in ("libayatana-appindicator3.so.1", "libappindicator3.so.1"):
        (libraries / name).touch()
    program = desktop.start(LD_LIBRARY_PATH=str(libraries))
    until(lambda: answers(desktop), what="the endpoint")
    until(desktop.screen.windows, what="the window")
    assert "libayatana-appindicator3" in program.log(), "the log says what is missing"
    desktop.screen.close_window()
    assert program.ended() == 0, "nothing is left that could be clicked"


def test_a_taken_port_is_told_in_the_tray_and_the_window(desktop):
    host = desktop.tray_host()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        window = desktop.browse("--window", "--port", str(port))
        menu = desktop.menu(host)
        until(lambda: menu.line(f"Port {port}"), what="the problem in the tray")
        window.attach()
        until(
            lambda: f"Port {port}" in (window.text("problem") or ""),
            what="the problem in the window",
        )
        assert "settings.json" in window.text("problem"), "with the next step"
    menu.click("Quit")


def test_settings_that_cannot_be_read_do_not_keep_it_from_starting(desktop):
    (desktop.home.ours / "settings.json").write_text('{"port": }')
    host = desktop.tray_host()
    # The default port may be in use on this machine.
    desktop.start("--port", "0")
    menu = desktop.menu(host)
    until(lambda: menu.line("settings"), what="the problem in the tray")
    until(lambda: answers(desktop), what="the endpoint")
