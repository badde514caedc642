"""Reads what the engine asks for.

Invariant: whatever is not exactly of the agreed form is BadParams, which is the engine's fault.
"""

import collections

LANGUAGES = ("python", "mel")
RESULT_TYPES = ("AUTO", "NONE", "JSON", "RAW")
UNSAVED = ("refuse", "discard")
OPTIONAL_EVENTS = ("selection", "output")
LONGEST_TIMEOUT_S = 365 * 24 * 3600

REQUIRED = object()  # As a default: there is none.

Execute = collections.namedtuple("Execute", "code language result_type undo_name timeout_s unsaved")


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


def method_of(message):
    """The name of what is asked for."""
    method = message.get("method")
    if not isinstance(method, str):
        raise UnknownMethod(f"{method}: a method has a name")
    return method


def params_of(message):
    """The params of a request."""
    params = message.get("params", {})
    if not isinstance(params, dict):
        raise BadParams("params: an object is needed")
    return params


def execute(params):
    """The parameters of `execute`."""
    only(params, Execute._fields)
    return Execute(
        code=text(params, "code"),
        language=choice(params, "language", LANGUAGES),
        result_type=choice(params, "result_type", RESULT_TYPES),
        undo_name=text(params, "undo_name", ""),
        timeout_s=_timeout(params.get("timeout_s")),
        unsaved=choice(params, "unsaved", UNSAVED),
    )


def cancel(params):
    """The parameter of `cancel`."""
    only(params, ("id",))
    if not is_integer(params.get("id")):
        raise BadParams("id: the id of a request is needed")
    return params["id"]


def subscribe(params):
    """The parameter of `subscribe`."""
    only(params, ("events",))
    events = texts(params, "events")
    for event in events:
        if event not in OPTIONAL_EVENTS:
            raise BadParams("events: some of {} are needed".format(", ".join(OPTIONAL_EVENTS)))
    return frozenset(events)


def is_integer(value):
    """True for integers of at most 64 bits; a bool is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64


def only(params, known):
    """That there is no other parameter."""
    for name in params:
        if name not in known:
            raise BadParams(f"{name}: there is no such parameter")


def text(params, name, default=REQUIRED):
    """A string. Null is as good as absent, here and below."""
    return _value(params, name, default, lambda value: isinstance(value, str), "a string")


def flag(params, name, default=REQUIRED):
    """True or false."""
    return _value(params, name, default, lambda value: isinstance(value, bool), "true or false")


def whole(params, name, least, most, default=REQUIRED):
    """An integer between two others, both included."""

    def fits(value):
        return is_integer(value) and least <= value <= most

    return _value(params, name, default, fits, f"an integer from {least} to {most}")


def texts(params, name, default=REQUIRED):
    """A list of strings."""

    def fits(value):
        return isinstance(value, list) and all(isinstance(item, str) for item in value)

    return _value(params, name, default, fits, "a list of strings")


def choice(params, name, choices):
    """One of these strings; the first is the default."""
    value = text(params, name, choices[0])
    if value not in choices:
        raise BadParams("{}: one of {} is needed".format(name, ", ".join(choices)))
    return value


def _value(params, name, default, fits, what):
    value = params.get(name)
    if value is None and default is not REQUIRED:
        return default
    if not fits(value):
        raise BadParams(f"{name}: {what} is needed")
    return value


def _timeout(value):
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadParams("timeout_s: a number or null is needed")
    if not 0 < value <= LONGEST_TIMEOUT_S:  # A NaN is not either.
        raise BadParams("timeout_s: more than 0 is needed, and at most a year")
    return value
