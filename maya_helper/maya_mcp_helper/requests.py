"""Reads what the engine asks for.

Invariant: whatever is not exactly of the agreed form is BadParams, which is the engine's fault.
"""

from .jobs import Request

LANGUAGES = ("python", "mel")
RESULT_TYPES = ("AUTO", "NONE", "JSON", "RAW")
LONGEST_TIMEOUT_S = 365 * 24 * 3600


class RequestError(Exception):
    """An error in the answer's `error`; the class name is its type."""


class UnknownMethod(RequestError):
    """There is no such method."""


class BadParams(RequestError):
    """The parameters are not of the agreed form."""


def number_of(message):
    """The id of a request."""
    number = message.get("id")
    if not is_integer(number):
        raise BadParams("id: an integer is needed")
    return number


def params_of(message):
    """The params of a request."""
    params = message.get("params", {})
    if not isinstance(params, dict):
        raise BadParams("params: an object is needed")
    return params


def nothing(params):
    """For methods without parameters."""
    _only(params, ())


def execute(params):
    """The parameters of `execute`."""
    _only(params, Request._fields)
    return Request(
        code=_text(params, "code", None),
        language=_choice(params, "language", LANGUAGES),
        result_type=_choice(params, "result_type", RESULT_TYPES),
        namespace=_text(params, "namespace", ""),
        undo_name=_text(params, "undo_name", ""),
        timeout_s=_timeout(params.get("timeout_s")),
    )


def cancel(params):
    """The parameter of `cancel`."""
    _only(params, ("id",))
    if not is_integer(params.get("id")):
        raise BadParams("id: the id of an execute is needed")
    return params["id"]


def is_integer(value):
    """True for integers of at most 64 bits; a bool is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64


def _only(params, known):
    for name in params:
        if name not in known:
            raise BadParams(f"{name}: there is no such parameter")


def _text(params, name, default):
    value = params.get(name)
    if value is None:
        value = default
    if not isinstance(value, str):
        raise BadParams(f"{name}: a string is needed")
    return value


def _choice(params, name, choices):
    value = _text(params, name, choices[0])
    if value not in choices:
        raise BadParams("{}: one of {} is needed".format(name, ", ".join(choices)))
    return value


def _timeout(value):
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadParams("timeout_s: a number or null is needed")
    if not 0 < value <= LONGEST_TIMEOUT_S:  # A NaN is not either.
        raise BadParams("timeout_s: more than 0 is needed, and at most a year")
    return value
