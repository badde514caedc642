"""A little MEL: commands, flags, calls, expressions, variables, conditions, loops; no procedures.

Invariant: an error shows in the Script Editor and is raised as RuntimeError; it is never swallowed.
A loop does not let itself be interrupted: what another thread raises in it (an exception that is no
Exception) is kept, and raised when the outermost evaluation has ended, as for a call into C++.
"""

import operator

from . import mel_syntax, script
from .commands import TABLE
from .commands.menu import save_changes
from .running import maya, require_main_thread

VARIABLES = {}
# In query mode a flag is the question, not a setting; except these, which say what it is about.
VALUE_IN_QUERY = {"exists", "name", "typeOf", "type"}
EMPTY = {"int": 0, "float": 0.0, "string": "", "vector": 0.0}
OPERATORS = {
    "-": operator.sub, "*": operator.mul, "%": operator.mod,
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
SWITCHES = {"true": 1, "on": 1, "yes": 1, "false": 0, "off": 0, "no": 0}


class MelError(RuntimeError):
    """What `maya.mel.eval` raises: always these words first, then what went wrong."""


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Return(Exception):
    pass


_depth = 0
_kept = []


def evaluate(code):
    """The value of the last statement. What `maya.mel.eval` and a MEL port do."""
    global _depth
    require_main_thread("MEL")
    _depth += 1
    try:
        return _evaluate(code)
    finally:
        _depth -= 1
        if _depth == 0 and _kept:
            interrupt = _kept[0]
            _kept.clear()
            raise interrupt


def _evaluate(code):
    try:
        return _plain(_run(mel_syntax.parse(code)))
    except MelError:
        raise
    except _Return as ended:
        return _plain(ended.args[0])
    except Exception as error:
        text = _words(error)
        maya.script_editor.show("error", f"// Error: {text} //\n")
        raise MelError(f"Error occurred during execution of MEL script\n{text}\n") from error


def _words(error):
    if getattr(error, "_from_python", False):
        return f"{type(error).__name__}: {error}"
    if isinstance(error, ZeroDivisionError):
        return "Division by zero"
    return str(error)


def _run(node):
    return NODES[node[0]](*node[1:])


def _block(statements):
    value = None
    for statement in statements:
        value = _run(statement)
    return value


def _declare(variables):
    value = None
    for name, kind, given in variables:
        if given is not None:
            value = _run(given)
            value = list(value) if kind == "array" else _cast(kind, value)
        else:
            value = [] if kind == "array" else EMPTY[kind]
        VARIABLES[name] = value
    return value


def _assign(target, sign, given):
    value = _run(given)
    if sign:
        value = _binary(sign, target, ("literal", value))
    if target[0] == "item":
        values, index = _run(target[1]), int(_run(target[2]))
        values.extend(type(value)() for _ in range(index + 1 - len(values)))
        values[index] = value
    elif target[0] == "variable":
        VARIABLES[target[1]] = value
    else:
        raise RuntimeError("Syntax error")
    return value


def _after(target, sign):
    value = _run(target)
    _assign(target, sign, ("literal", 1))
    return value


def _binary(sign, left, right):
    if sign == "&&":
        return int(bool(_run(left)) and bool(_run(right)))
    if sign == "||":
        return int(bool(_run(left)) or bool(_run(right)))
    one, other = _run(left), _run(right)
    if sign == "+":
        if isinstance(one, str) or isinstance(other, str):
            return f"{_text(one)}{_text(other)}"
        return one + other
    if sign == "/":
        both = isinstance(one, int) and isinstance(other, int)
        return int(one / other) if both else one / other
    value = OPERATORS[sign](one, other)
    return int(value) if isinstance(value, bool) else value


def _unary(sign, inner):
    value = _run(inner)
    return int(not value) if sign == "!" else -value


def _variable(name):
    if name not in VARIABLES:
        raise RuntimeError(f'"{name}" is an undeclared variable.')
    return VARIABLES[name]


def _item(values, index):
    found, at = _run(values), int(_run(index))
    # Behind the end of an array there is nothing, and no error.
    return found[at] if at < len(found) else (type(found[0])() if found else 0)


def _if(condition, then, otherwise):
    if _run(condition):
        return _run(then)
    return _run(otherwise) if otherwise is not None else None


def _loop(start, condition, step, body):
    if start is not None:
        _run(start)

    def rounds():
        while condition is None or _run(condition):
            yield body
            if step is not None:
                _run(step)

    _uninterrupted(rounds)


def _each(name, values, body):
    left = iter(list(_run(values)))

    def rounds():
        for value in left:
            VARIABLES[name] = value
            yield body

    _uninterrupted(rounds)


def _uninterrupted(rounds):
    """Goes on with the loop whatever is raised in it from outside, and keeps that for later."""
    while True:
        try:
            for body in rounds():
                try:
                    _run(body)
                except _Continue:
                    pass
            return
        except _Break:
            return
        except Exception:
            raise
        except BaseException as interrupt:
            _kept.append(interrupt)


def _raiser(kind):
    def run(value):
        raise kind(_run(value) if value is not None else None)

    return run


def _command(name, parts):
    known = TABLE.get(name)
    arguments, flags, left = [], {}, list(parts)
    while left:
        kind, value = left.pop(0)
        if kind == "flag":
            _flag(known, name, value, flags, left)
        else:
            arguments.append(value if kind == "word" else _run(value))
    return _call_by_name(name, arguments, flags)


def _flag(known, name, flag, flags, left):
    if known is None:
        # Nobody knows the flags of a command that is not there; the call tells of the command.
        return
    long = known.long_names.get(flag[1:])
    if long is None:
        raise RuntimeError(f"Invalid flag: {flag}")
    if long not in known.takes_value or ("query" in flags and long not in VALUE_IN_QUERY):
        flags[long] = True
    elif (name == "optionVar" and long.endswith("Value")) or (name, long) == ("scriptJob", "event"):
        flags[long] = [_value(left), _value(left)]
    elif long == "widthHeight":
        flags[long] = (_value(left), _value(left))
    else:
        flags[long] = _value(left)


def _value(left):
    if not left or left[0][0] == "flag":
        raise RuntimeError("Syntax error")
    kind, value = left.pop(0)
    return SWITCHES.get(value, value) if kind == "word" else _run(value)


def _call(name, values):
    if name in ("catch", "catchQuiet"):
        return _catch(values[0], shown=name == "catch")
    return _call_by_name(name, [_run(value) for value in values], {})


def _call_by_name(name, arguments, flags):
    if name in OWN:
        return OWN[name](*arguments)
    known = TABLE.get(name)
    if known is None:
        raise RuntimeError(f'Cannot find procedure "{name}".')
    return known.call(*arguments, **flags)


def _catch(node, shown):
    try:
        _run(node)
    except (_Break, _Continue, _Return):
        raise
    except Exception as error:
        if shown and not isinstance(error, MelError):
            maya.script_editor.show("error", f"// Error: {_words(error)} //\n")
        return 1
    return 0


def _python(code):
    """`python("…")`: a value only for a single line; an error keeps its Python type."""
    try:
        return script.run_python(str(code))
    except Exception as error:
        error._from_python = True
        raise


def _print(value):
    items = value if isinstance(value, (list, tuple)) else [value]
    # Of an array each item is a line of its own.
    end = "\n" if isinstance(value, (list, tuple)) else ""
    maya.script_editor.show("output", "".join(f"{_text(item)}{end}" for item in items))


def _error(text):
    raise RuntimeError(str(text))


def _cast(kind, value):
    if kind == "string":
        return _text(value)
    if kind == "vector" or not isinstance(value, (int, float, str)):
        return value
    try:
        return int(value) if kind == "int" else float(value)
    except ValueError:
        return EMPTY[kind]


OWN = {
    "python": _python,
    "print": _print,
    "eval": lambda code: evaluate(str(code)),
    "size": lambda value: len(value),
    "warning": lambda text: maya.script_editor.show("warning", f"// Warning: {text} //\n"),
    "error": _error,
    "saveChanges": lambda then: int(save_changes() and (evaluate(str(then)), True)[1]),
    "checkForUnknownNodes": lambda: 0,
    **{kind: lambda value, kind=kind: _cast(kind, value) for kind in EMPTY},
}
NODES = {
    "block": _block, "declare": _declare, "assign": _assign, "after": _after, "binary": _binary,
    "unary": _unary, "variable": _variable, "item": _item, "if": _if, "loop": _loop, "each": _each,
    "command": _command, "call": _call, "literal": lambda value: value,
    "list": lambda values: [_run(value) for value in values],
    "break": _raiser(_Break), "continue": _raiser(_Continue), "return": _raiser(_Return),
}  # fmt: skip


def _text(value):
    value = _plain(value)
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else str(value)


def _plain(value):
    """MEL has no booleans, None or tuples."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    return str(value)
