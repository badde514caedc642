"""Reads MEL: text into tokens, and tokens into a tree of tuples.

Invariant: what cannot be read raises before anything of it has run, as in Maya.
"""

import re

TOKEN = re.compile(
    r"""\s*(?:
        (?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<number>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?(?![\w])|\.\d+)
      | (?P<operator>\|\||&&|\+\+|--|[-+*/%=!<>]=)
      | (?P<flag>-[A-Za-z]\w*)
      | (?P<variable>\$\w+)
      | (?P<word>(?:[A-Za-z_|:]|[*.]+(?=[A-Za-z_|:]))[\w|:.*?\[\]]*)
      | (?P<mark>[][;(),{}=+*/%<>!`?:-])
    )""",
    re.VERBOSE | re.DOTALL,
)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
TYPES = ("int", "float", "string", "vector")
# From what binds least to what binds most.
LEVELS = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))
ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=", "%=")
END = ("end", "")
# What may follow an expression. After anything else, `name (…)` was a command and its argument.
CLOSERS = frozenset(";),}]`:?")


def parse(code):
    """The statements of `code`."""
    parser = _Parser(_tokens(code))
    statements = []
    while parser.token != END:
        statements.append(parser.statement())
    return ("block", statements)


def _tokens(code):
    tokens, at = [], 0
    code = code.rstrip()
    while at < len(code):
        found = TOKEN.match(code, at)
        if not found:
            raise RuntimeError("Syntax error")
        kind = found.lastgroup
        if kind != "comment":
            text = found.group(kind)
            tokens.append(("mark" if kind == "operator" else kind, text))
        at = found.end()
    return [*tokens, END]


class _Parser:
    def __init__(self, tokens):
        self._tokens = tokens
        self._at = 0

    @property
    def token(self):
        return self._tokens[self._at]

    def statement(self):
        if self._take(";"):
            return ("block", [])
        if self._take("{"):
            return ("block", self._until("}", self.statement))
        kind, text = self.token
        if kind == "word" and text in ("if", "while", "for", "do"):
            self._at += 1
            return getattr(self, f"_{text}")()
        if kind == "word" and text in ("break", "continue", "return"):
            self._at += 1
            value = None if self.token in (END, ("mark", ";")) else self._expression()
            return self._ended((text, value))
        return self._ended(self._simple())

    def _ended(self, node):
        if self.token != END and self.token != ("mark", "}"):
            self._need(";")
        return node

    def _simple(self):
        kind, text = self.token
        if kind == "word" and text == "global":
            self._at += 1
            kind, text = self.token
        if kind == "word" and text in TYPES and self._tokens[self._at + 1][0] == "variable":
            self._at += 1
            return self._declaration(text)
        if kind == "word":
            return self._command_or_call()
        return self._assignment()

    def _declaration(self, kind):
        made = []
        while True:
            name = self._kind("variable")
            is_array = self._take("[")
            if is_array and not self._take("]"):
                self._expression()
                self._need("]")
            value = self._expression() if self._take("=") else None
            made.append((name, "array" if is_array else kind, value))
            if not self._take(","):
                return ("declare", made)

    def _command_or_call(self):
        start = self._at
        if self._tokens[self._at + 1] == ("mark", "("):
            node = self._expression()
            if self.token == END or (self.token[0] == "mark" and self.token[1] in CLOSERS):
                return node
            self._at = start
        return self._command()

    def _command(self):
        """`name -flag value argument …` up to the end of the statement, or of the backquotes."""
        name = self._kind("word")
        parts = []
        while self.token != END and not (self.token[0] == "mark" and self.token[1] in ";`)}"):
            kind, text = self.token
            if kind in ("flag", "word"):
                self._at += 1
                parts.append((kind, text))
            else:
                parts.append(("value", self._term()))
        return ("command", name, parts)

    def _if(self):
        condition = self._condition()
        then = self.statement()
        otherwise = None
        if self.token == ("word", "else"):
            self._at += 1
            otherwise = self.statement()
        return ("if", condition, then, otherwise)

    def _while(self):
        return ("loop", None, self._condition(), None, self.statement())

    def _do(self):
        body = self.statement()
        if self.token != ("word", "while"):
            raise RuntimeError("Syntax error")
        self._at += 1
        again = ("loop", None, self._condition(), None, body)
        return self._ended(("block", [body, again]))

    def _for(self):
        self._need("(")
        if self.token[0] == "variable" and self._tokens[self._at + 1] == ("word", "in"):
            name = self._kind("variable")
            self._at += 1
            values = self._expression()
            self._need(")")
            return ("each", name, values, self.statement())
        start = None if self.token == ("mark", ";") else self._simple()
        self._need(";")
        condition = None if self.token == ("mark", ";") else self._expression()
        self._need(";")
        step = None if self.token == ("mark", ")") else self._assignment()
        self._need(")")
        return ("loop", start, condition, step, self.statement())

    def _condition(self):
        self._need("(")
        node = self._assignment()
        self._need(")")
        return node

    def _assignment(self):
        start = self._at
        if self.token[0] == "variable":
            target = self._variable()
            if self.token[0] == "mark" and self.token[1] in ASSIGNMENTS:
                operator = self._next()[1]
                return ("assign", target, operator[:-1], self._assignment())
            self._at = start
        return self._expression()

    def _expression(self):
        node = self._level(0)
        if self._take("?"):
            then = self._expression()
            self._need(":")
            return ("if", node, then, self._expression())
        return node

    def _level(self, number):
        if number == len(LEVELS):
            return self._unary()
        node = self._level(number + 1)
        while self.token[0] == "mark" and self.token[1] in LEVELS[number]:
            operator = self._next()[1]
            node = ("binary", operator, node, self._level(number + 1))
        return node

    def _unary(self):
        for sign in ("-", "!", "++", "--"):
            if self._take(sign):
                inner = self._unary()
                if sign in ("++", "--"):
                    return ("assign", inner, sign[0], ("literal", 1))
                return ("unary", sign, inner)
        node = self._term()
        for sign in ("++", "--"):
            if self._take(sign):
                return ("after", node, sign[0])
        return node

    def _term(self):
        kind, text = self.token
        if kind == "variable":
            return self._variable()
        self._at += 1
        if kind == "string":
            plain = re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), text[1:-1], flags=re.DOTALL)
            return ("literal", plain)
        if kind == "number":
            return ("literal", float(text) if re.search(r"[.eE]", text) else int(text))
        if (kind, text) == ("mark", "-"):
            return ("unary", "-", self._term())
        if (kind, text) == ("mark", "("):
            return self._cast_or_group()
        if (kind, text) == ("mark", "`"):
            node = self._command()
            self._need("`")
            return node
        if (kind, text) == ("mark", "{"):
            return ("list", self._values("}"))
        if kind == "word" and self._take("("):
            return ("call", text, self._values(")"))
        if kind == "word" and text in ("true", "on", "yes"):
            return ("literal", 1)
        if kind == "word" and text in ("false", "off", "no"):
            return ("literal", 0)
        raise RuntimeError("Syntax error")

    def _cast_or_group(self):
        if self.token[1] in TYPES and self._tokens[self._at + 1] == ("mark", ")"):
            kind = self._next()[1]
            self._at += 1
            return ("call", kind, [self._unary()])
        node = self._assignment()
        self._need(")")
        return node

    def _variable(self):
        node = ("variable", self._kind("variable"))
        while self._take("["):
            node = ("item", node, self._expression())
            self._need("]")
        return node

    def _values(self, end):
        values = []
        while not self._take(end):
            values.append(self._expression())
            if self.token != ("mark", end):
                self._need(",")
        return values

    def _until(self, end, read):
        nodes = []
        while not self._take(end):
            if self.token == END:
                raise RuntimeError("Syntax error")
            nodes.append(read())
        return nodes

    def _next(self):
        token = self.token
        self._at += 1
        return token

    def _kind(self, kind):
        if self.token[0] != kind:
            raise RuntimeError("Syntax error")
        return self._next()[1]

    def _take(self, text):
        if self.token != ("mark", text):
            return False
        self._at += 1
        return True

    def _need(self, text):
        if not self._take(text):
            raise RuntimeError("Syntax error")
