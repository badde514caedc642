"""Brings the Maya MCP helper into this Maya, or finds it running.

Invariant: connect() never raises and always gives one line of ASCII JSON, so that Maya's
command port has no reason to run it twice. What it does never changes meaning: a late or
doubled message finds its invitation gone and does no harm.
"""

import importlib.util
import json
import os
import re
import sys

PACKAGE = "maya_mcp_helper"
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
        answer.update(_helper(invitation["helper"], invitation["secret"]))
    except BaseException as error:  # Even a SystemExit must not leave through the command port.
        answer["error"] = {"type": type(error).__name__, "message": _message(error)}
    return json.dumps(answer)


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


def _helper(build, secret):
    """The helper of this build, with the secret added. Any other one leaves."""
    present = sys.modules.get(PACKAGE)
    if present is not None and _build_of(present) == build:
        try:
            return present.connect(secret)
        except Exception:  # It is on its way out; a new one takes its place.
            pass
    _retire(present)
    package = _load(build)
    try:
        return package.connect(secret)
    except BaseException:
        _retire(package)
        raise


def _build_of(module):
    try:
        return module.build
    except BaseException:  # A foreign module of this name may do anything.
        return None


def _retire(module):
    try:
        if module is not None:
            module.stop("replaced")
    except BaseException:  # Older, foreign or broken: it goes either way.
        pass
    for name in list(sys.modules):
        if name == PACKAGE or str(name).startswith(PACKAGE + "."):
            sys.modules.pop(name, None)


def _load(build):
    folder = os.path.join(HOME, "helper", build, PACKAGE)
    sys.path_importer_cache.pop(folder, None)  # It may remember the folder as it was before.
    spec = importlib.util.spec_from_file_location(
        PACKAGE, os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package  # The submodules are found by its __path__, not by sys.path.
    try:
        spec.loader.exec_module(package)
    except BaseException:
        _retire(None)
        raise
    package.build = build
    return package


def _message(error):
    try:
        return str(error)[:500]
    except BaseException:
        return ""
