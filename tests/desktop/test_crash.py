"""A Maya crashes: everyone who should know is told, at once, and nobody twice."""

import contextlib
import json
import subprocess
import time

from .hearing import SECRET, Events, Heard, Log, Webhook, both_eras
from .program import TRAY
from .waiting import until

TITLE = "Maya 2025 closed unexpectedly"
# Signals are put together for less than this.
QUIET = 1.0
WITHIN = 0.5
CRASHES = 3
UPDATED = "notifications/resources/updated"
GONE = "notifications/resources/list_changed"


class Shown(Heard):
    """The notices, with the moment of each."""

    def __init__(self, notices):
        super().__init__()
        notices.heard = self.note


def settings(desktop, webhook):
    keys = json.loads((desktop.home.ours / "settings.json").read_text())
    hook = {"url": webhook.url, "secret": f"whsec_{SECRET}", "kinds": ["crashed"]}
    desktop.home.settings(**{**keys, "webhooks": [hook]})


def endpoint(desktop):
    file = desktop.home.ours / "endpoint.json"
    told = until(lambda: file.exists() and json.loads(file.read_text()), what="the endpoint")
    url = told["endpoint"]
    return int(url.removesuffix("/mcp").rpartition(":")[2])


def token(desktop):
    command = [TRAY.parent / "maya-mcp", "--home", desktop.home.ours, "token", "a-client"]
    made = subprocess.run(command, env=desktop.environment, capture_output=True, check=True)
    return made.stdout.decode().strip()


def pushed(method):
    return lambda message: message["method"] == method


def test_everyone_is_told_of_a_crash_at_once_and_nobody_twice(desktop):
    with contextlib.ExitStack() as stack:
        hook = Webhook()
        stack.callback(hook.stop)
        settings(desktop, hook)
        notices = desktop.notices()
        shown = Shown(notices)
        host = desktop.tray_host()
        desktop.start()
        menu = desktop.menu(host)
        port, key = endpoint(desktop), token(desktop)
        clients = both_eras(port, key)
        events = Events(port, key, "?kind=crashed")
        log = Log(desktop.home.ours / "events")
        listeners = [*clients.values(), events, log]
        for listener in listeners:
            stack.callback(listener.stop)
        soonest = {}
        for number in range(CRASHES):
            scene = f"shot_{number:03}.ma"
            maya = desktop.maya("2025", scene=scene)
            until(lambda scene=scene: menu.line(scene) is not None, what="Maya, ready")
            until(lambda: is_quiet([*listeners, shown]), what="silence")
            told = crash(maya, scene, clients, events, log, hook, shown)
            for who, seconds in told.items():
                soonest[who] = min(seconds, soonest.get(who, seconds))
    print("\nsoonest of each:")
    for who, seconds in soonest.items():
        print(f"  {seconds * 1000:4.0f} ms  {who}")
    late = {who: seconds for who, seconds in soonest.items() if seconds > WITHIN}
    assert not late, "half a second is enough for everyone"


def is_quiet(listeners):
    return time.monotonic() - max(listener.last() for listener in listeners) > QUIET


def crash(maya, scene, clients, events, log, hook, shown):
    """How long after the crash each of them was told of it; each once."""
    name = f"maya-{maya.pid}"
    print(f"\n{name} has {scene} open, and crashes.")
    began = time.monotonic()
    recovered = maya.control("crash", signal="SIGSEGV")["recovered"]
    about = {
        "the notice": (shown, lambda notice: notice["title"].startswith(TITLE)),
        "the log": (log, lambda line: (line["kind"], line["session"]) == ("crashed", name)),
        "the webhook": (hook, lambda body: body["data"]["session"] == name),
        "GET /events": (events, lambda event: event["data"].get("session") == name),
        **{who: (client, pushed(GONE)) for who, client in clients.items()},
    }
    told = {}
    for who, (heard, of) in about.items():
        until(lambda heard=heard, of=of: heard.after(began, of), what=f"{who} of {name}")
    until(lambda: is_quiet([heard for heard, _ in about.values()]), what="silence")
    for who, (heard, of) in about.items():
        items = heard.after(began, of)
        assert len(items) == 1, f"{who}: once, and not {items}"
        seconds, item = items[0]
        told[who] = seconds
        print(f"  {seconds * 1000:4.0f} ms  {who}: {words(item)}")
    for who, client in clients.items():
        uris = [message["params"]["uri"] for _, message in client.after(began, pushed(UPDATED))]
        assert uris == ["maya://sessions"], f"{who}: what it watches has changed, once"
    notice = shown.after(began, about["the notice"][1])[0][1]
    assert recovered in notice["body"], "the notice says where the work is"
    assert notice["buttons"] == ["Open recovered scene", "Show folder"], "and what to do"
    body = hook.after(began, about["the webhook"][1])[0][1]
    assert body["signed"] and body["data"]["recovered_scene"] == recovered, "for a program, signed"
    line = log.after(began, about["the log"][1])[0][1]
    event = events.after(began, about["GET /events"][1])[0][1]
    assert event["data"] == line == body["data"], "all say the same"
    return told


def words(item):
    for name in ("title", "detail", "method"):
        if name in item:
            return item[name]
    return item["data"]["detail"]
