"""Runs a piece of Python or MEL and gives its value.

Invariant: the text is compiled as it is, so line numbers are the artist's own.
"""

import __future__

import ast
import functools
import importlib
import operator

from . import sources

FUTURE_FLAGS = functools.reduce(
    operator.or_, (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names)
)

NO_VALUE = object()  # The code does not end in an expression.


def run(language, code, namespace, job):
    """The value of the code's last expression, or NO_VALUE. The job learns its code's file name."""
    if language == "mel":
        return _mel(code)
    job.source = sources.register(code)
    return _python(code, namespace, job.source)


def new_namespace():
    """A client's own variables."""
    return {"__name__": "__main__"}


def _python(code, namespace, filename):
    tree = ast.parse(code, filename)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    flags = 0
    if tree.body:
        body = compile(tree, filename, "exec", dont_inherit=True)
        flags = body.co_flags & FUTURE_FLAGS
    if last is not None:
        expression = ast.Expression(last.value)
        last = compile(expression, filename, "eval", flags=flags, dont_inherit=True)
    if tree.body:
        exec(body, namespace)
    return NO_VALUE if last is None else eval(last, namespace)


def _mel(code):
    value = importlib.import_module("maya.mel").eval(code)
    return NO_VALUE if value is None else value
