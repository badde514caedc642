"""Starts the stand-in: `…/maya2025/bin/maya.bin -m maya_sim [options]`.

Invariant: exactly one line goes to the real standard output, when everything named in it is ready.
"""

import importlib
import json
import os
import signal
import sys
import types


def main():
    from . import options as command_line

    options = command_line.parse()
    if options.die_with_parent:
        from . import parent

        parent.die_with_parent()
    # Ctrl-C and a test's terminate() end it at once, as they end Maya: Qt's loop runs no Python.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _make_room(options)
    maya = _assemble(options)
    ready = {"pid": os.getpid(), "version": options.version, **_open(maya, options)}
    os.write(1, json.dumps(ready).encode() + b"\n")
    code = maya.loop.run()
    # Maya does not take its interpreter down in order: no atexit, no finalizers.
    os._exit(code)


def _make_room(options):
    """Gives code inside Maya its `maya` package, its own `__main__`, and no Qt if it has none."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.join(here, "inside"))
    if options.no_qt:
        for name in ("PySide2", "PySide6"):
            sys.modules[name] = None  # Makes the import statement raise ImportError.
    sys.modules["maya_sim.__main__"] = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")


def _assemble(options):
    from . import callbacks, dialog, faults, graph, loop, others, ports, script_editor, undo, view
    from .running import maya

    maya.options = options
    maya.option_vars = {"commandportOpenByDefault": int(options.default_port != "off")}
    maya.playback = {
        "minTime": 1.0, "maxTime": 120.0, "animationStartTime": 1.0, "animationEndTime": 200.0,
    }  # fmt: skip
    maya.units = {"linear": "cm", "angle": "deg", "time": "film"}
    maya.axis = {"axis": "y"}
    maya.script_editor = script_editor.ScriptEditor()
    maya.loop = loop.make(options)
    maya.callbacks = callbacks.Callbacks(maya.loop)
    maya.script_editor.listener = maya.callbacks.output
    maya.scene = graph.Scene()
    maya.prompt = True
    maya.plugins = {}
    maya.undo = undo.Undo()
    maya.view = view.View()
    maya.dialogs = dialog.Dialogs(maya.loop, options.dialog, options.dialog_delay)
    maya.faults = faults.Faults()
    maya.others = [others.OtherListener(kind) for kind in options.other_listener]
    maya.ports = ports.Ports(options.socket_dir, options.limit_mode, options.echo)
    return maya


def _open(sim, options):
    """Everything that can be connected to, and the streams that only Maya has."""
    from . import control, scene, script_editor, user_setup
    from .port_spec import PortError, Spec

    specs = [Spec.parse(text) for text in options.command_port]
    ready = {"control": None}
    if options.control:
        listener, ready["control"] = control.listen(options.control)
    if options.scene:
        scene.open_file(os.path.abspath(options.scene))
    if options.script_editor:
        from . import script_editor_window

        sim.script_editor.window = script_editor_window.make()
    script_editor.replace_streams(sim.script_editor)
    # Maya has loaded these before any script runs, so `import maya` alone is enough to use them.
    for name in ("cmds", "mel", "utils", "OpenMaya", "api.OpenMaya"):
        importlib.import_module(f"maya.{name}")
    user_setup.run(options)

    if options.default_port != "off":
        try:
            sim.ports.open_default(options.default_port, options.windows_port)
        except PortError as error:
            sys.stderr.write(f"{error}\n")
    for spec in specs:
        try:
            sim.ports.open(spec)
        except PortError as error:
            # A test that asked for this port must not run without it, nor guess why it is missing.
            os.write(2, f"{error}\n".encode())
            os._exit(2)
    for other in sim.others:
        other.start()
    if options.control:
        control.serve(listener)
    return {
        **ready,
        "ports": [port.describe() for port in sim.ports.all()],
        "others": [other.describe() for other in sim.others],
    }


if __name__ == "__main__":
    main()
