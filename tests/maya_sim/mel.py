"""A little MEL: commands, flags, calls, strings, numbers, comments, variables; no procedures.

Invariant: an error shows in the Script Editor and is raised as RuntimeError; it is never swallowed.
"""

import re

from . import script
from .commands import TABLE
from .running import maya, require_main_thread

TOKEN = re.compile(
    r"""\s*(?:
        (?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<number>-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?![\w]))
      | (?P<flag>-[A-Za-z]\w*)
      | (?P<variable>\$\w+)
      | (?P<word>[A-Za-z_|:.*][\w|:.*?\[\]]*)
      | (?P<mark>[;(),{}=+`])
    )""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
TYPES = ("int", "float", "string")
VARIABLES = {}
# In query mode a flag is the question, not a setting; except these, which say what it is about.
VALUE_IN_QUERY = {"exists", "name"}


class MelError(RuntimeError):
    """What `maya.mel.eval` raises: always these words first, then what went wrong."""


def evaluate(code):
    """The value of the last statement. What `maya.mel.eval` and a MEL port do."""
    require_main_thread("MEL")
    try:
        return _Parser(_tokens(code)).run()
    except MelError:
        raise
    except Exception as error:
        if getattr(error, "_from_python", False):
            text = f"{type(error).__name__}: {error}"
        else:
            text = str(error)
        maya.script_editor.show("error", f"// Error: {text} //\n")
        raise MelError(f"Error occurred during execution of MEL script\n{text}\n") from error


def _tokens(code):
    tokens, at = [], 0
    code = code.rstrip()
    while at < len(code):
        found = TOKEN.match(code, at)
        if not found:
            raise RuntimeError("Syntax error")
        if found.lastgroup != "comment":
            tokens.append((found.lastgroup, found.group(found.lastgroup)))
        at = found.end()
    return [*tokens, ("end", "")]


class _Parser:
    def __init__(self, tokens):
        self._tokens = tokens
        self._at = 0

    def run(self):
        value = None
        while self._kind != "end":
            if self._take("mark", ";"):
                continue
            value = self._statement()
            if self._kind != "end" and not self._take("mark", ";"):
                raise RuntimeError("Syntax error")
        return _plain(value)

    @property
    def _kind(self):
        return self._tokens[self._at][0]

    def _next(self):
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _take(self, kind, text):
        if self._tokens[self._at] != (kind, text):
            return False
        self._at += 1
        return True

    def _statement(self):
        kind, text = self._tokens[self._at]
        if kind == "word" and text in TYPES:
            self._next()
            kind, text = self._tokens[self._at]
        if kind == "variable" and self._tokens[self._at + 1] == ("mark", "="):
            self._at += 2
            VARIABLES[text] = self._expression()
            return VARIABLES[text]
        if kind == "word" and self._tokens[self._at + 1] != ("mark", "("):
            return self._command()
        return self._expression()

    def _command(self):
        """`name -flag value argument …` up to the end of the statement, or of the backquotes."""
        name = self._next()[1]
        known = TABLE.get(name)
        arguments, flags = [], {}
        while self._kind != "end" and self._tokens[self._at] not in (("mark", ";"), ("mark", "`")):
            if self._kind == "flag":
                self._flag(known, name, flags)
            elif self._kind == "word":
                arguments.append(self._next()[1])
            else:
                arguments.append(self._term())
        return _call(name, arguments, flags)

    def _flag(self, known, name, flags):
        flag = self._next()[1][1:]
        if known is None:
            # Nobody knows the flags of a command that is not there; the call tells of the command.
            return
        if flag not in known.long_names:
            raise RuntimeError(f"Invalid flag: -{flag}")
        long = known.long_names[flag]
        if long not in known.takes_value or ("query" in flags and long not in VALUE_IN_QUERY):
            flags[long] = True
            return
        if name == "optionVar" and long.endswith("Value"):
            flags[long] = (self._value(), self._value())
        elif name == "scriptJob" and long == "event":
            flags[long] = [self._value(), self._value()]
        else:
            flags[long] = self._value()

    def _value(self):
        if self._kind != "word":
            return self._term()
        word = self._next()[1]
        return {
            "true": True,
            "on": True,
            "yes": True,
            "false": False,
            "off": False,
            "no": False,
        }.get(word, word)

    def _expression(self):
        value = self._term()
        while self._take("mark", "+"):
            other = self._term()
            if isinstance(value, str) or isinstance(other, str):
                value, other = str(value), str(other)
            value = value + other
        return value

    def _term(self):
        kind, text = self._next()
        if kind == "string":
            return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), text[1:-1], flags=re.DOTALL)
        if kind == "number":
            return float(text) if re.search(r"[.eE]", text) else int(text)
        if kind == "variable":
            if text not in VARIABLES:
                raise RuntimeError(f'"{text}" is an undeclared variable.')
            return VARIABLES[text]
        if kind == "mark" and text == "(":
            return self._until(")", self._expression)
        if kind == "mark" and text == "`":
            return self._until("`", self._command)
        if kind == "mark" and text == "{":
            return self._list("}")
        if kind == "word" and self._take("mark", "("):
            return _call(text, self._list(")"), {})
        raise RuntimeError("Syntax error")

    def _until(self, end, inner):
        value = inner()
        if not self._take("mark", end):
            raise RuntimeError("Syntax error")
        return value

    def _list(self, end):
        values = []
        while not self._take("mark", end):
            values.append(self._expression())
            if self._tokens[self._at] != ("mark", end) and not self._take("mark", ","):
                raise RuntimeError("Syntax error")
        return values


def _call(name, arguments, flags):
    if name in OWN:
        return OWN[name](*arguments)
    known = TABLE.get(name)
    if known is None:
        raise RuntimeError(f'Cannot find procedure "{name}".')
    return known.call(*arguments, **flags)


def _python(code):
    """`python("…")`: a value only for a single line; an error keeps its Python type."""
    try:
        return script.run_python(str(code))
    except Exception as error:
        error._from_python = True
        raise


def _print(value):
    items = value if isinstance(value, (list, tuple)) else [value]
    maya.script_editor.show("output", "".join(f"{_plain(item)}" for item in items))


OWN = {
    "python": _python,
    "print": _print,
    "eval": lambda code: evaluate(str(code)),
    "size": lambda value: len(value),
    "catchQuiet": lambda value: 0,
}


def _plain(value):
    """MEL has no booleans, None or tuples."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    return str(value)
