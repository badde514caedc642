"""How a command port runs a message: line by line in MEL, twice over in Python.

Invariant: on the main thread only, and an error is text in the reply, never an exception here.
"""

from . import mel as mel_language

# Maya runs Python messages in a function of a module of its own: global names last, local ones not.
NAMES = {"__name__": "maya.app.general.CommandPort"}


def mel(code):
    """The replies to a MEL message: one for each line."""
    return [_mel_line(line) for line in code.split("\n")]


def _mel_line(line):
    try:
        value = mel_language.evaluate(line)
    except RuntimeError as error:
        return str(error).strip()
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return "\t".join(str(item) for item in value).strip()
    return str(value).strip()


def python(code):
    """The reply to a Python message. An expression that gives None, or raises, runs twice."""
    value = None
    # Locals apart from globals: a function of one message does not even see what that message
    # imported.
    names, own = NAMES, {}
    if len(code.splitlines()) == 1:
        try:
            value = eval(code, names, own)
        except Exception:
            pass
    if value is None:
        try:
            exec(code, names, own)
        except Exception as error:
            # Only the message, so it looks like a value. Nothing of it shows in the Script Editor.
            value = error
    return [_text(value)]


def _text(value):
    try:
        return str(value)
    except Exception as error:
        return str(error)
