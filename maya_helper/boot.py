"""Brings the Maya MCP helper into this Maya, or finds it running.

Invariant: connect() never raises and always gives one line of ASCII JSON, so that Maya's
command port has no reason to run it twice. What it does never changes meaning: a late or
doubled message finds its invitation gone and does no harm. start_up() never raises either, and is
silent: it is called from the artist's userSetup.py.
"""

import importlib.util
import json
import os
import re
import sys

PACKAGE = "maya_mcp_helper"
LOOPBACK = "127.0.0.1"
HOME = os.path.dirname(os.path.abspath(__file__))


class StaleInvitation(Exception):
    """The invitation was used before, or never written."""


class BadInvitation(Exception):
    """The invitation cannot be read as one."""


def connect(nonce):
    """Takes up the invitation of that nonce; tells where the helper listens."""
    answer = {"maya_mcp": 1, "nonce": str(nonce)[:64], "pid": os.getpid()}
    try:
        invitation = _invitation(nonce)
        answer.update(_helper(invitation["helper"], lambda package: _join(package, invitation)))
    except BaseException as error:  # Even a SystemExit must not leave through the command port.
        answer["error"] = {"type": type(error).__name__, "message": _message(error)}
    return json.dumps(answer)


def start_up():
    """Lets the helper come by itself once Maya is idle, and leave word of itself in the home."""
    try:
        if not _is_batch():
            importlib.import_module("maya.utils").executeDeferred(_start)
    except BaseException:  # Maya starts without us then.
        pass


def _start():
    try:
        if not _is_batch():
            _announce(os.path.join(HOME, "run", "announced"))
    except BaseException:
        pass


def _is_batch():
    try:
        return bool(importlib.import_module("maya.cmds").about(batch=True))
    except Exception:  # Too early to tell; it is asked again once Maya is idle.
        return False


def _announce(folder):
    """The helper that runs leaves word in that folder, whatever its build; else the current one."""
    present = sys.modules.get(PACKAGE)
    try:
        present.announce(folder)
    except OSError:  # The folder is at fault, and no reason to end a helper at work.
        raise
    except BaseException:  # There is none, or an older one, or one on its way out.
        _succeed(present, _current(), lambda package: package.announce(folder))


def _current():
    """The build that the engine laid down last."""
    with open(os.path.join(HOME, "helper", "current"), encoding="ascii") as file:
        build = file.read(65).strip()
    if not re.match(r"[0-9A-Za-z]{1,64}\Z", build):
        raise ValueError("the name of the current build is none")
    return build


def _invitation(nonce):
    if not re.match(r"[0-9a-f]{1,64}\Z", str(nonce)):
        raise BadInvitation("the nonce is not hexadecimal")
    path = os.path.join(HOME, "run", nonce + ".json")
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(4096)
    except FileNotFoundError:
        raise StaleInvitation("there is no invitation of this nonce (any more)") from None
    _remove(path)
    try:
        invitation = json.loads(text)
        secret, build = invitation["secret"], invitation["helper"]
        sound = re.match(r"[0-9a-f]{64}\Z", secret) and re.match(r"[0-9A-Za-z]+\Z", build)
    except (ValueError, KeyError, TypeError):
        sound = None
    if not sound:
        raise BadInvitation("the invitation is not of the agreed form")
    return invitation


def _remove(path):
    try:
        os.remove(path)
    except OSError:
        pass  # A scanner may hold the file; using the same secret twice changes nothing.


def _join(package, invitation):
    """Where the helper can be reached by whoever wrote the invitation."""
    if invitation.get("link") == "command-port":
        return package.connect_by_port(invitation["secret"])
    return package.connect(invitation["secret"], invitation.get("host", LOOPBACK))


def _helper(build, join):
    """What joining the helper of this build gives. Any other one makes way for it."""
    present = sys.modules.get(PACKAGE)
    if present is not None and _build_of(present) == build:
        try:
            return join(present)
        except Exception as error:
            if not _is_gone(present, error):  # Or else it is the host's fault, or Maya's.
                raise
    return _succeed(present, build, join)


def _succeed(present, build, join):
    """Starts the helper of this build in the place of the present one, if there is one."""
    old = _put_aside()
    try:
        package = _load(build)
    except BaseException:  # The old one is better than none.
        _put_aside()
        sys.modules.update(old)
        raise
    try:
        _inherit(package, _asked(present, "heritage", {}))
        answer = join(package)
    except BaseException:  # The old one has noticed nothing of it.
        _stop(package)
        _put_aside()
        sys.modules.update(old)
        raise
    folders = _asked(present, "announced_in", [])
    _stop(present)
    for folder in folders:  # Its predecessor had left word there.
        try:
            package.announce(str(folder))
        except BaseException:  # It runs, which is what was asked for.
            pass
    return answer


def _build_of(module):
    try:
        return module.build
    except BaseException:  # A foreign module of this name may do anything.
        return None


def _is_gone(module, error):
    """Whether it is on its way out, or none of ours at all: then a new one takes its place."""
    return type(error).__name__ == "Gone" or not callable(getattr(module, "heritage", None))


def _asked(module, question, otherwise):
    """What a helper answers; one that is older, foreign or broken may do anything."""
    try:
        return type(otherwise)(getattr(module, question)())
    except BaseException:
        return otherwise


def _inherit(package, heritage):
    try:
        package.inherit(heritage)
    except BaseException:  # An older one, which takes nothing over.
        pass


def _stop(module):
    try:
        if module is not None:
            module.stop("replaced")
    except BaseException:  # Older, foreign or broken: it goes either way.
        pass


def _put_aside():
    """Takes the helper's modules out of the list of modules, and gives them."""
    names = [name for name in sys.modules if str(name).split(".")[0] == PACKAGE]
    return {name: sys.modules.pop(name) for name in names}


def _load(build):
    folder = os.path.join(HOME, "helper", build, PACKAGE)
    sys.path_importer_cache.pop(folder, None)  # It may remember the folder as it was before.
    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package  # The submodules are found by its __path__, not by sys.path.
    spec.loader.exec_module(package)
    package.build = build
    return package


def _message(error):
    try:
        return str(error)[:500]
    except BaseException:
        return ""
