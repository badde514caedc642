"""The value of the last expression, in the form the client asked for.

Invariant: present() gives JSON text that any parser takes, or raises NotJson, or what the
artist's own __str__ raises.
"""

from . import frames

# Other languages' parsers give up on deeper nesting (serde_json at 128, answer included).
DEPTH_LIMIT = 100

# A longer number is none to a parser that keeps doubles: it would refuse the whole answer.
LONG_NUMBER_BITS = 990
BLOCK = 150  # 299 digits in a row fill a block that begins at a multiple of it.


class NotJson(Exception):
    """The value has no JSON form."""

    __module__ = "builtins"  # Told by its bare name.


def present(value, result_type):
    """The JSON text of a value by result type: AUTO, NONE, JSON or RAW."""
    if result_type == "NONE":
        return "null"
    if result_type == "RAW":
        return frames.dumps(str(value))
    try:
        return _json(value)
    except NotJson:
        if result_type == "JSON":
            raise
        return frames.dumps(_repr(value))


def _json(value):
    try:
        text = frames.dumps(value)
    except Exception as error:  # Its own items() or __float__ may raise whatever it likes.
        raise NotJson(_no_form(value, error)) from None
    if isinstance(value, str):
        return text
    if text.count("[") + text.count("{") > DEPTH_LIMIT or _may_hold_a_long_number(text):
        _check_depth_and_numbers(value)
    return text


def _may_hold_a_long_number(text):
    # A search by regular expression takes ten times as long as all the rest of a large result.
    return any(text[at : at + BLOCK].isdigit() for at in range(0, len(text) - BLOCK + 1, BLOCK))


def _no_form(value, why):
    try:
        return f"a value of type {type(value).__name__} has no JSON form: {why}"
    except Exception:
        return f"a value of type {type(value).__name__} has no JSON form"


def _check_depth_and_numbers(value):
    level = [value]
    for _ in range(DEPTH_LIMIT):
        if any(isinstance(item, int) and item.bit_length() > LONG_NUMBER_BITS for item in level):
            raise NotJson(_no_form(value, "it holds an integer of more than 297 digits"))
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise NotJson(_no_form(value, "it is nested too deeply"))


def _inside(item):
    if isinstance(item, dict):
        return item.values()
    return item if isinstance(item, (list, tuple)) else ()


def _repr(value):
    try:
        return str(repr(value))
    except Exception as error:
        return f"<{type(value).__name__}: its repr() raised {type(error).__name__}>"
