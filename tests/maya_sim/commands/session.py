"""Commands about Maya itself: what it is, its preferences, jobs, time, messages and its end.

Invariant: answers have the types that Maya's have (a version is a string, an apiVersion a number).
"""

import time

from .. import script
from ..callbacks import EVENTS
from ..running import maya
from .registry import command


@command(
    "version=v", "apiVersion=api", "batch=b", "operatingSystem=os", "product=p", "qtVersion=qt",
    "installedVersion=iv", "cutIdentifier=c", "windows=win", "ntOS=nt", "linux=li", "linuxOS=lx",
    "macOS=mac", "macOSx86=x86", "codeset=cs", "uiLanguage=uil", "query=q", "majorVersion=mjv",
    "minorVersion=mnv", "is64=is64", "operatingSystemVersion=osv", "application=a",
)  # fmt: skip
def about(**flags):
    version = maya.options.version
    major = int("".join(c for c in version[:4] if c.isdigit()) or 0)
    facts = {
        "version": version,
        "apiVersion": major * 10000,
        "batch": maya.options.batch,
        "operatingSystem": "linux64",
        "operatingSystemVersion": "Linux",
        "product": f"Maya {version}",
        "application": "maya",
        "installedVersion": f"Maya {version}",
        "cutIdentifier": "000000000000-000000",
        "majorVersion": str(major),
        "minorVersion": "0",
        "codeset": "UTF-8",
        "uiLanguage": "en_US",
        "is64": True,
        "qtVersion": "6.5.3" if major >= 2025 else "5.15.2",
        **dict.fromkeys(("linux", "linuxOS"), True),
        **dict.fromkeys(("windows", "ntOS", "macOS", "macOSx86"), False),
    }
    asked = next((flag for flag in flags if flags[flag] and flag != "query"), None)
    if asked is None:
        raise RuntimeError("No flag was given that says what about Maya.")
    return facts[asked]


@command(
    "exists=ex:",
    "query=q:",
    "intValue=iv:",
    "floatValue=fv:",
    "stringValue=sv:",
    "remove=rm:",
    "list=l",
)
def optionVar(**flags):
    variables = maya.option_vars
    if "exists" in flags:
        return flags["exists"] in variables
    if "query" in flags:
        # 0 for what does not exist, and no error: a typing mistake looks like "off".
        return variables.get(flags["query"], 0)
    if flags.get("list"):
        return sorted(variables)
    if "remove" in flags:
        variables.pop(flags["remove"], None)
    for flag, kind in (("intValue", int), ("floatValue", float), ("stringValue", str)):
        if flag in flags:
            key, value = flags[flag]
            variables[key] = kind(value)
    return None


@command(
    "event=e:", "runOnce=ro", "kill=k:", "force=f", "exists=ex:", "listJobs=lj", "listEvents=le",
    "killAll=ka", "protected=pro", "parent=p:", "compressUndo=cu",
)  # fmt: skip
def scriptJob(**flags):
    jobs = maya.callbacks.listed("job")
    if "event" in flags:
        event, function = flags["event"]
        if event not in EVENTS:
            raise RuntimeError(f"Event '{event}' is unknown.")
        call = function if callable(function) else lambda: script.run_python(function)
        return maya.callbacks.add("job", event, call, bool(flags.get("runOnce")))
    if "kill" in flags:
        if flags["kill"] not in jobs:
            raise RuntimeError(f"scriptJob -kill {flags['kill']}: no such job.")
        maya.callbacks.remove(flags["kill"])
        return None
    if "exists" in flags:
        return flags["exists"] in jobs
    if flags.get("listEvents"):
        return sorted(EVENTS)
    if flags.get("listJobs"):
        return [f"{number}: event={entry[0]}" for number, entry in jobs.items()]
    if flags.get("killAll"):
        for number in jobs:
            maya.callbacks.remove(number)
        return None
    raise RuntimeError("No flag was given that says what to do with a job.")


@command("lowestPriority=lp", "list=ls", "evaluateNext=en")
def evalDeferred(code, **flags):
    maya.loop.post(code if callable(code) else lambda: script.run_python(code))


@command("noContext=nc")
def warning(text, **flags):
    maya.script_editor.show("warning", f"# Warning: {text} #\n")


@command("noContext=nc", "showLineNumber=sln")
def error(text, **flags):
    maya.script_editor.show("error", f"# Error: {text} #\n")
    raise RuntimeError(text)


@command("query=q", "edit=e", "update=u")
def currentTime(*args, **flags):
    attrs = maya.scene.nodes["time1"].attrs
    if flags.get("query"):
        return attrs["outTime"]
    attrs["outTime"] = float(args[0])
    maya.callbacks.fire_event("timeChanged")
    return attrs["outTime"]


@command(
    "query=q",
    "edit=e",
    "minTime=min:",
    "maxTime=max:",
    "animationStartTime=ast:",
    "animationEndTime=aet:",
)
def playbackOptions(**flags):
    return _settings(maya.playback, flags, float)


@command("query=q", "linear=l:", "angle=a:", "time=t:")
def currentUnit(**flags):
    return _settings(maya.units, flags, str)


@command("query=q", "axis=ax:")
def upAxis(**flags):
    return _settings(maya.axis, flags, str)


def _settings(values, flags, kind):
    given = {key: value for key, value in flags.items() if key in values}
    if flags.get("query"):
        return values[next(iter(given))]
    values.update({key: kind(value) for key, value in given.items()})
    return None


@command(
    "title=t:", "message=m:", "button=b:", "defaultButton=db:", "cancelButton=cb:",
    "dismissString=ds:", "icon=icn:", "parent=p:",
)  # fmt: skip
def confirmDialog(**flags):
    if maya.options.batch:
        raise RuntimeError("confirmDialog needs Maya's window.")
    buttons = flags.get("button") or ["Confirm"]
    buttons = [buttons] if isinstance(buttons, str) else list(buttons)
    default = flags.get("defaultButton") or buttons[0]
    cancel = flags.get("cancelButton") or flags.get("dismissString") or "dismiss"
    return maya.dialogs.ask(
        flags.get("title", ""), flags.get("message", ""), buttons, default, cancel
    )


@command("seconds=sec:")
def pause(**flags):
    """One call that nothing in Python interrupts."""
    time.sleep(float(flags.get("seconds") or 0))
