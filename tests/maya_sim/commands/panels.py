"""Commands about panels: which there are, which has the focus, what they look through.

Invariant: a Maya in batch has none; asked for, there are none, and changing one is an error.
"""

from ..running import maya
from ..view import SETTINGS
from .nodes import camera_shape
from .registry import command, names_in

NO_WINDOW = "Cannot do this in batch mode: there is no window."
SHORT = {
    "selectionHiliteDisplay": "sel", "grid": "gr", "headsUpDisplay": "hud", "manipulators": "m",
    "allObjects": "alo", "polymeshes": "pm", "nurbsCurves": "nc", "nurbsSurfaces": "ns",
    "joints": "j", "locators": "lc", "lights": "lt", "cameras": "ca", "imagePlane": "ip",
    "displayTextures": "dtx", "wireframeOnShaded": "wos", "useDefaultMaterial": "udm",
    "viewSelected": "vs", "displayAppearance": "da", "displayLights": "dl", "rendererName": "rnm",
}  # fmt: skip


@command(
    "withFocus=wf", "type=typ:", "visiblePanels=vis", "typeOf=to:", "all=all", "underPointer=up",
    "invisiblePanels=inv", "allPanels=ap",
)  # fmt: skip
def getPanel(**flags):
    view = maya.view
    if maya.options.batch:
        return "" if flags.get("withFocus") or "typeOf" in flags else None
    if flags.get("withFocus"):
        return view.focus
    if flags.get("underPointer"):
        return ""
    if "typeOf" in flags:
        return view.kind(flags["typeOf"])
    if flags.get("visiblePanels"):
        return list(view.visible) or None
    if flags.get("invisiblePanels"):
        return [name for name in view.all() if name not in view.visible] or None
    if "type" in flags:
        return [name for name in view.all() if view.kind(name) == flags["type"]] or None
    return view.all()


@command("query=q", "edit=e", "camera=cam:", "modelEditor=me", "exists=ex", "label=l")
def modelPanel(*args, **flags):
    if flags.get("exists"):
        return not maya.options.batch and args[0] in maya.view.panels
    panel = _panel(args)
    if flags.get("query"):
        return panel.name if flags.get("modelEditor") else panel.camera
    if flags.get("edit") and "camera" in flags:
        panel.look_through(_camera(flags["camera"]), "modelPanel")
    return panel.name


@command(
    "query=q", "edit=e", "camera=cam:", "activeView=av", "exists=ex", "panel=pnl",
    *(f"{name}={short}:" for name, short in SHORT.items()),
)  # fmt: skip
def modelEditor(*args, **flags):
    if flags.get("exists"):
        return not maya.options.batch and str(args[0]).rsplit("|", 1)[-1] in maya.view.panels
    panel = _panel(args)
    if flags.get("query"):
        return _query_editor(panel, flags)
    if flags.get("activeView"):
        maya.view.set_focus(panel.name)
    if "camera" in flags:
        panel.look_through(_camera(flags["camera"]), "modelEditor")
    for name in SETTINGS.keys() & flags.keys():
        panel.settings[name] = type(SETTINGS[name])(flags[name])
    return panel.name


def _query_editor(panel, flags):
    if "camera" in flags:
        # By its full path, where modelPanel gives the name.
        return maya.scene.long_name(panel.camera)
    if flags.get("activeView"):
        return panel is maya.view.active
    if flags.get("panel"):
        return panel.name
    asked = next((name for name in SETTINGS if name in flags), None)
    if asked is None:
        raise RuntimeError("Must specify a flag to query.")
    return panel.settings[asked]


@command("query=q", "nearClip=nc:", "farClip=fc:")
def lookThru(*args, **flags):
    names = names_in(args)
    given = [name for name in names if str(name).rsplit("|", 1)[-1] in maya.view.panels]
    panel = _panel(given) if given else maya.view.active
    if maya.options.batch or panel is None:
        raise RuntimeError(NO_WINDOW if maya.options.batch else "No model view is active.")
    if flags.get("query"):
        return panel.camera
    panel.look_through(_camera([name for name in names if name not in given][0]), "lookThru")
    return None


@command()
def setFocus(name):
    if maya.options.batch:
        raise RuntimeError(NO_WINDOW)
    short = str(name).rsplit("|", 1)[-1]
    if not maya.view.kind(short):
        raise RuntimeError(f"Control '{name}' not found.")
    maya.view.set_focus(short)


@command("force=f", "currentView=cv", "suspend=su:")
def refresh(**flags):
    return None


@command("reset=r", "pause=p", "query=q", "deviceInformation=di")
def ogs(**flags):
    return None


def _panel(args):
    if maya.options.batch:
        raise RuntimeError(NO_WINDOW)
    names = names_in(args)
    if not names:
        raise RuntimeError("No panel was given.")
    return maya.view.find(names[0])


def _camera(name):
    try:
        short = maya.scene.find(name)
    except ValueError as error:
        raise RuntimeError(str(error)) from error
    if camera_shape(short) is None:
        raise RuntimeError(f"{name} is not a camera.")
    return short
