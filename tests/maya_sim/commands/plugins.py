"""Commands about plug-ins: those that are loaded, and those that a scene asks for in vain.

Invariant: a list that would be empty is None, as in Maya.
"""

from .. import node_types
from ..running import maya
from .registry import command, names_in

# What this Maya could load; none of them brings nodes that the stand-in knows.
AVAILABLE = ("AbcExport", "AbcImport", "fbxmaya", "mayaUsdPlugin", "mtoa", "objExport")


@command("query=q", "list=l", "remove=r", "nodeTypes=nt", "dataTypes=dt", "version=v")
def unknownPlugin(*args, **flags):
    missing = maya.scene.unknown_plugins
    if flags.get("query") and flags.get("list"):
        return list(missing) or None
    name = names_in(args)[0] if args else ""
    if name not in missing:
        raise RuntimeError(f"Plug-in '{name}' is not unknown.")
    if flags.get("remove"):
        if any(node.lost_type for node in maya.scene.nodes.values()):
            raise RuntimeError(f"Plug-in '{name}' cannot be removed because it is still in use.")
        del missing[name]
        maya.scene.modified = True
        return None
    if flags.get("version"):
        return missing[name]
    if flags.get("nodeTypes"):
        lost = {node.lost_type for node in maya.scene.nodes.values() if node.lost_type}
        return sorted(lost) or None
    return None


@command(
    "query=q", "listPlugins=ls", "loaded=l", "version=v", "vendor=vd", "path=p", "name=n",
    "autoload=a", "registered=r", "pluginsInUse=pu",
)  # fmt: skip
def pluginInfo(*args, **flags):
    if flags.get("listPlugins"):
        return list(maya.plugins) or None
    if flags.get("pluginsInUse"):
        return None
    name = names_in(args)[0] if args else ""
    if flags.get("loaded"):
        return name in maya.plugins
    if flags.get("registered"):
        return name in AVAILABLE
    if name not in maya.plugins:
        raise RuntimeError(f"Plug-in, '{name}', is not registered.")
    facts = {"version": "1.0", "vendor": "Nobody", "path": f"/plug-ins/{name}.so", "name": name}
    asked = next((flag for flag in facts if flags.get(flag)), None)
    if asked is None:
        raise RuntimeError("Must specify a flag to query.")
    return facts[asked]


@command("quiet=qt", "name=n:")
def loadPlugin(*args, **flags):
    names = names_in(args)
    for name in names:
        if name not in AVAILABLE:
            raise RuntimeError(f'Plug-in, "{name}", was not found on MAYA_PLUG_IN_PATH.')
    new = [name for name in names if name not in maya.plugins]
    maya.plugins.update(dict.fromkeys(new, True))
    return new or None


@command("force=f")
def unloadPlugin(*args, **flags):
    gone = [name for name in names_in(args) if maya.plugins.pop(name, None)]
    return gone or None


@command("includeAbstract=ia")
def allNodeTypes(**flags):
    return sorted(node_types.LINEAGE)
