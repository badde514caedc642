"""The command `commandPort`.

Invariant: what cannot be done is a RuntimeError with Maya's words.
"""

from ..port_spec import PortError, Spec
from ..running import maya
from .registry import command


@command(
    "query=q", "name=n:", "close=cl", "sourceType=stp:", "echoOutput=eo", "bufferSize=bs:",
    "noreturn=nr", "securityWarning=sw", "listPorts=lp", "prefix=pre:", "returnNumCommands=rnc",
    "pickleOutput=po",
)  # fmt: skip
def commandPort(*args, **flags):
    if flags.get("query") and flags.get("listPorts"):
        return [port.spec.name for port in maya.ports.all()]
    name = str(flags.get("name") or (args[0] if args else ""))
    if flags.get("query"):
        return maya.ports.find(name) is not None
    for unsupported in ("prefix", "returnNumCommands", "pickleOutput"):
        if flags.get(unsupported):
            raise RuntimeError(f"The stand-in does not know commandPort -{unsupported}.")
    try:
        if flags.get("close"):
            maya.ports.close(name)
        else:
            maya.ports.open(_spec(name, flags))
    except PortError as error:
        raise RuntimeError(str(error)) from error
    return None


def _spec(name, flags):
    _, colon, number = name.rpartition(":")
    if not name or (colon and not number.isdigit()):
        raise RuntimeError(f"Could not create command port {name}: invalid name.")
    if colon and not 1 <= int(number) <= 65535:
        # Maya cannot be asked for "any free port". A helper that needs one opens its own socket.
        raise RuntimeError(f"Could not create command port {name}: invalid port.")
    language = str(flags.get("sourceType") or "mel").lower()
    if language not in ("mel", "python"):
        raise RuntimeError(f"Language {language} is not supported.")
    return Spec(
        name=name,
        language=language,
        warn=bool(flags.get("securityWarning")),
        echo=bool(flags.get("echoOutput")),
        no_return=bool(flags.get("noreturn")),
        buffer_size=max(16, int(flags.get("bufferSize") or 4096)),
    )
