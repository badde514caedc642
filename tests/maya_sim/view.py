"""The panels of Maya's window: which one has the focus, and through what each model panel looks.

Invariant: the view that counts (for a playblast) is the model panel that had the focus last and is
still to be seen. The focus itself is often elsewhere.
"""

from .running import maya

# As in a new scene: name → the camera it falls back on when its own is gone.
MODEL_PANELS = {
    "modelPanel1": "top",
    "modelPanel2": "front",
    "modelPanel3": "side",
    "modelPanel4": "persp",
}
OTHER_PANELS = {
    "outlinerPanel1": "outlinerPanel",
    "scriptEditorPanel1": "scriptedPanel",
    "graphEditor1": "scriptedPanel",
}
SIZE = (960, 540)
SETTINGS = {
    "selectionHiliteDisplay": True, "grid": True, "headsUpDisplay": True, "manipulators": True,
    "allObjects": True, "polymeshes": True, "nurbsCurves": True, "nurbsSurfaces": True,
    "joints": True, "locators": True, "lights": True, "cameras": True, "imagePlane": True,
    "displayTextures": False, "wireframeOnShaded": False, "useDefaultMaterial": False,
    "viewSelected": False, "displayAppearance": "smoothShaded", "displayLights": "default",
    "rendererName": "vp2Renderer",
}  # fmt: skip


class View:
    def __init__(self):
        self.panels = {name: Panel(name) for name in MODEL_PANELS}
        self.visible = ["modelPanel4", "outlinerPanel1", "scriptEditorPanel1"]
        # The artist typed something: the focus is in the Script Editor.
        self.focus = "scriptEditorPanel1"
        self._last = "modelPanel4"
        # How many pictures were shown in a viewer of their own.
        self.viewers = 0

    def set_focus(self, name):
        self.focus = name
        if name in self.panels:
            self._last = name
            if name not in self.visible:
                self.visible.append(name)

    @property
    def active(self):
        """The model panel that counts; None when no model view is open."""
        shown = [name for name in self.visible if name in self.panels]
        if self._last in shown:
            return self.panels[self._last]
        return self.panels[shown[0]] if shown else None

    def kind(self, name):
        return "modelPanel" if name in self.panels else OTHER_PANELS.get(name, "")

    def all(self):
        return [*self.panels, *OTHER_PANELS]

    def find(self, name):
        """A model panel by its name, or by the path of its editor. Raises as Maya does."""
        panel = self.panels.get(str(name).rsplit("|", 1)[-1])
        if panel is None:
            raise RuntimeError(f"Object '{name}' not found.")
        return panel


class Panel:
    def __init__(self, name):
        self.name = name
        self.settings = dict(SETTINGS)
        self.node = None

    @property
    def camera(self):
        """The transform or the shape, whichever it was told to look through."""
        if self.node is not None:
            for name, node in maya.scene.nodes.items():
                if node is self.node:
                    return name
        return MODEL_PANELS[self.name]

    @property
    def camera_transform(self):
        node = maya.scene.nodes[self.camera]
        return node.parent if node.type == "camera" else self.camera

    def look_through(self, name, command):
        """Maya can take this back: it is a step of the artist's undo queue."""
        with maya.undo.step(command, modifies=False):
            maya.scene.note(vars(self), "node", maya.scene.nodes[name])
