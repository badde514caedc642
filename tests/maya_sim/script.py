"""Running the artist's own Python, in `__main__`, where Maya runs it.

Invariant: names persist there, as they do in the Script Editor.
"""

import sys


def run_python(code):
    """Runs `code`; gives its value when it is one expression on one line."""
    names = sys.modules["__main__"].__dict__
    if len(code.splitlines()) == 1:
        try:
            compiled = compile(code.strip(), "<maya console>", "eval")
        except SyntaxError:
            pass
        else:
            return eval(compiled, names)
    exec(compile(code, "<maya console>", "exec"), names)
    return None
