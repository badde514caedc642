"""The requests of the control channel, one function for each.

Invariant: a request that takes the main thread away is answered first (see Later, FromMainThread).
"""

import itertools
import os
import sys
import threading

from . import mel, populate, script
from . import scene as scenes
from .commands import TABLE
from .port_spec import Spec
from .running import maya

# How long a request waits for the main thread to be reached before it says "queued".
REACH = 1.0
# Of so many nodes the state tells the names, or asking for it would be slow in a large scene.
SHOWN = 1000


class Later:
    """A reply, and what shall happen once it is on its way."""

    def __init__(self, reply, after):
        self.reply = reply
        self.after = after


class FromMainThread:
    """A reply that the main thread itself sends (by `then(send)`) just before it is taken away."""

    def __init__(self, reply, then):
        self.reply = reply
        self.then = then


def answer(request):
    what = request.pop("do", None)
    function = REQUESTS.get(what)
    if function is None:
        raise ValueError(f"unknown request {what!r}; known are {', '.join(sorted(REQUESTS))}")
    return function(**request)


def _occupy(work, **facts):
    """Answers when the main thread is in our hands: what a test sends next finds it busy."""
    started, first = maya.faults.occupy(work)
    if started.wait(REACH):
        return FromMainThread({"started": True, "queued": False, **facts}, first.put)
    return Later({"started": False, "queued": True, **facts}, lambda: first.put(lambda: None))


def _on_main(work):
    """Runs `work` on the main thread and waits: no hurry in a Maya that is modal or hangs."""
    done, outcome = threading.Event(), {}

    def run():
        try:
            outcome["value"] = work()
        except BaseException as error:
            outcome["error"] = f"{type(error).__name__}: {error}"
        done.set()

    maya.loop.script(run)
    done.wait()
    if "error" in outcome:
        return {"error": outcome["error"]}
    return {"value": outcome["value"]}


def busy(seconds, gil=False):
    return _occupy(lambda: maya.faults.busy(seconds, gil))


def hang(gil=False):
    return _occupy(lambda: maya.faults.hang(gil))


def modal(seconds=None, until=None, title="A dialog of Maya"):
    if (seconds is None) == (until != "dismiss"):
        raise ValueError("modal takes seconds, or until: dismiss")
    window = maya.faults.window(title)
    maya.loop.script(lambda: maya.faults.modal(window, seconds))
    began = window.opened.wait(REACH)
    return {"started": began, "queued": not began}


def dismiss():
    """Closes what is modal: the artist presses Escape. In the security dialog that means Deny."""
    if maya.dialogs.dismiss():
        return {"dismissed": maya.dialogs.history[-1]["title"]}
    windows = maya.loop.modals
    if not windows:
        return {"dismissed": None}
    windows[-1].finish()
    return {"dismissed": windows[-1].title}


def crash(signal="SIGKILL", recover=None):
    if recover is None:
        recover = signal == "SIGSEGV"
    recovered = maya.faults.recover() if recover else None
    return Later({"crashing": signal, "recovered": recovered}, lambda: maya.faults.crash(signal))


def freeze_crash():
    recovered = maya.faults.recover()
    return _occupy(lambda: maya.faults.hang(gil=False), recovered=recovered)


def quit_now(code=1):
    return Later({"quitting": code}, lambda: os._exit(code))


def quit_(code=0):
    # Posted after the reply: Maya may be gone before a reply could be written.
    return Later({"quitting": code}, lambda: maya.loop.script(lambda: maya.faults.leave(code)))


def scene(op="state", path=None, name=None, count=0):
    def work():
        if op == "new":
            scenes.new()
        elif op == "open":
            scenes.open_file(path)
        elif op == "save":
            if path:
                scenes.rename(path)
            scenes.save()
        elif op == "rename":
            scenes.rename(path)
        elif op == "modify":
            made = TABLE["polyCube"].call(name=name or "edited1")[0]
            return {**_scene_state(), "made": made}
        elif op == "populate":
            made = populate.populate(count)
            return {**_scene_state(), "made": made}
        elif op != "state":
            raise ValueError(f"scene does not know the op {op!r}")
        return _scene_state()

    outcome = _on_main(work)
    return outcome.get("value") or outcome


def _scene_state():
    own = (name for name in maya.scene.nodes if name not in scenes.DEFAULTS)
    return {
        "path": maya.scene.path,
        "modified": maya.scene.modified,
        "nodes": list(itertools.islice(own, SHOWN)),
        "node_count": len(maya.scene.nodes) - len(scenes.DEFAULTS),
        "selection": maya.scene.selection[:SHOWN],
    }


def view(focus=None, visible=None):
    """The artist clicks into a panel, or opens and closes some."""

    def work():
        if visible is not None:
            maya.view.visible = list(visible)
        if focus is not None:
            maya.view.set_focus(focus)
        active = maya.view.active
        return {
            "focus": maya.view.focus,
            "visible": maya.view.visible,
            "active": active.name if active else None,
            "cameras": {name: panel.camera for name, panel in maya.view.panels.items()},
            "viewers": maya.view.viewers,
        }

    outcome = _on_main(work)
    return outcome.get("value") or outcome


def print_(text, stream="stdout"):
    return _on_main(lambda: getattr(sys, stream).write(text + "\n"))


def eval_(code, wait=True):
    def work():
        value = script.run_python(code)
        return value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)

    if not wait:
        return Later({"posted": True}, lambda: maya.loop.script(work))
    return _on_main(work)


def command_line(code, language="mel"):
    """The artist types something: it is shown, run, and its result is shown."""
    mark = "//" if language == "mel" else "#"

    def work():
        maya.script_editor.show("history", f"{code}\n")
        try:
            value = mel.evaluate(code) if language == "mel" else script.run_python(code)
        except Exception as error:
            if language != "mel":
                maya.script_editor.show("error", f"# Error: {type(error).__name__}: {error}\n")
            return
        if value is not None:
            shown = " ".join(map(str, value)) if isinstance(value, list) else value
            maya.script_editor.show("result", f"{mark} Result: {shown}\n")
        return

    return _on_main(work)


def dialog(answers):
    maya.dialogs.script(answers)
    return {"answers": answers}


def answer_dialog(answer):
    return {"answered": maya.dialogs.answer(answer)}


def wait_dialog(count=1, timeout=5.0):
    reached = maya.dialogs.wait_for(count, timeout)
    return {"reached": reached, **maya.dialogs.shown()}


def open_port(spec):
    outcome = _on_main(lambda: maya.ports.open(Spec.parse(spec)).describe())
    return outcome.get("value") or outcome


def close_port(name, abrupt=False):
    port = maya.ports.close(name)
    if abrupt:
        port.cut()
    return {"closed": name}


def script_editor(position=0):
    return maya.script_editor.since(position)


def state(modules="maya_mcp"):
    return {
        "pid": os.getpid(),
        "version": maya.options.version,
        "ports": [port.counts() for port in maya.ports.all()],
        "others": [{**o.describe(), "received": o.received} for o in maya.others],
        "dialogs": maya.dialogs.shown(),
        "modals": [window.title for window in maya.loop.modals],
        "callbacks": maya.callbacks.count(),
        "undo": maya.undo.names,
        "redo": maya.undo.redo_names,
        "open_chunks": maya.undo.open_chunks,
        "scene": _scene_state(),
        "threads": [thread.name for thread in threading.enumerate()],
        "modules": sorted(name for name in list(sys.modules) if name.startswith(modules)),
        "stdout": f"{type(sys.stdout).__module__}.{type(sys.stdout).__name__}",
        "stderr": f"{type(sys.stderr).__module__}.{type(sys.stderr).__name__}",
        "option_vars": dict(maya.option_vars),
    }


REQUESTS = {
    "busy": busy,
    "hang": hang,
    "modal": modal,
    "dismiss": dismiss,
    "crash": crash,
    "freeze_crash": freeze_crash,
    "quit": quit_,
    "quit_now": quit_now,
    "scene": scene,
    "view": view,
    "print": print_,
    "eval": eval_,
    "command_line": command_line,
    "dialog": dialog,
    "answer": answer_dialog,
    "wait_dialog": wait_dialog,
    "open_port": open_port,
    "close_port": close_port,
    "script_editor": script_editor,
    "state": state,
}
