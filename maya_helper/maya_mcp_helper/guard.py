"""Unsaved changes are not lost by a run, and nobody is asked about them in a window.

Invariant: only between begin() and end() is anything refused, and only while the scene has unsaved
changes. Nothing escapes from a callback into Maya, and `file -prompt` is put back as it was.

Maya tells nobody that a check callback refused: `file -f -new` gives no error then, and the code
would go on in the scene that it believes closed. So it is ended in its own next line.
"""

import importlib
import io
import re
import sys
import tokenize

from .interrupt import Stop

CHECKS = ("kBeforeNewCheck", "kBeforeOpenCheck")

# Commands and procedures of Maya's menus. Each runs into the window "Save Changes".
ASKING = ("NewScene", "OpenScene", "saveChanges", "openRecentFile", "performFileDropAction")
ASKS = re.compile(r"\b(?:{})\b".format("|".join(ASKING)))
MENTIONS = re.compile(r"\b(?:[qQ]uit|{})\b".format("|".join(ASKING)))

# `quit` is a common word: threads and windows have one too. Maya's stands behind a name by which
# its commands are known, or is called by itself; in MEL, it stands where a statement begins.
OWNERS = frozenset(("cmds", "maya.cmds", "mc", "pm", "pymel.core", "pm.mel", "mel"))
OWNER = re.compile(r"((?:\w+\s*\.\s*)*)\Z")
IMPORTED = re.compile(
    r"\bimport\s+(?:maya\s*\.\s*cmds|pymel(?:\s*\.\s*core)?)\s+as\s+(\w+)"
    r"|\bfrom\s+(?:maya|pymel)\s+import\s+(?:cmds|core)\s+as\s+(\w+)"
)
QUIT_IMPORTED = re.compile(r"\bimport\s[^\n]*\bquit\s+as\s+(\w+)")
QUIT_DEFINED = re.compile(r"\bdef\s+quit\b")
FORCED_IN_PYTHON = re.compile(r"\b(?:force|f|abort|a)\s*=(?!\s*(?:False|0|None)\b)")
QUIT_IN_MEL = re.compile(
    r"(?:^|[;{})`\n])\s*[qQ]uit\b(?P<flags>(?:[ \t]+-?\w+)*)[ \t]*(?=\Z|[;}`\n/])"
)
FORCED_IN_MEL = re.compile(r"-(?:force|f|abort|a)\b")
RUNS_TEXT = re.compile(r"\b(?:mel|exec|python|\w*[eE]val\w*|execute\w+)\b")
IN_MEL = re.compile(r'(?P<string>"(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?(?:\*/|\Z)', re.DOTALL)
LONGEST_CALL = 4096  # How far the end of a call is looked for.

RUNS = "<maya-mcp "  # How the names of the sources of runs begin.

WHAT_TO_DO = (
    "Save it first, with cmds.file(save=True) (a scene without a name needs"
    " cmds.file(rename='…') before that)"
)
WAS_ENDED = "and the code was ended there"
WENT_ON = "but the code went on, in this scene: look at what it did, and undo it if need be"


class UnsavedChanges(Stop):
    """A Stop, for code that catches every Exception shall not go on after it."""

    __module__ = "builtins"  # Told by its bare name.


class Guard:
    """Watches over one run at a time, on the main thread."""

    def __init__(self):
        self._message = None
        self._callbacks = []
        self._refuses = False
        self._refused = None
        self._prompted = False

    def listen(self):
        """Registers the callbacks. Without the API's second edition there are none."""
        try:
            self._message = importlib.import_module("maya.api.OpenMaya").MSceneMessage
        except Exception:
            return
        for moment in CHECKS:
            self._add("addCheckCallback", moment, _shield(self._allows))
        # What is about to be opened is told as well: two arguments.
        allows = _shield(self._allows)
        self._add("addCheckFileCallback", "kBeforeOpenCheck", lambda *told: allows(None))

    def close(self):
        """Removes the callbacks."""
        self._refuses = False
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            try:
                self._message.removeCallback(callback)
            except Exception:
                pass

    def begin(self, code, unsaved):
        """Before a run. Raises UnsavedChanges where it must not begin."""
        self._refused = None
        if MENTIONS.search(code):
            why = _why_not(code, unsaved)
            if why is not None and _is_modified():
                raise UnsavedChanges(why)
        self._refuses = unsaved == "refuse"
        # A missing reference would be asked for in a window, which blocks Maya.
        if _ask(query=True, prompt=True):
            self._prompted = True
            _ask(prompt=False)

    def end(self):
        """After a run. The UnsavedChanges that were met in it, or None."""
        self._refuses = False
        if self._prompted:
            _ask(prompt=True)
            self._prompted = False
        refused, self._refused = self._refused, None
        return refused

    def _allows(self):
        """What a check callback answers."""
        if not self._refuses or not _is_modified():
            return True
        if self._refused is None:
            self._refused = error = UnsavedChanges()
            after = WAS_ENDED if _end_code_with(error) else WENT_ON
            error.args = (
                f"the scene has unsaved changes, so it was not closed, {after}. {WHAT_TO_DO};"
                " or, if they may be lost, run the code again with unsaved='discard'",
            )
        return False

    def _add(self, how, moment, function):
        try:
            number = getattr(self._message, moment)
            add = getattr(self._message, how)
            try:
                callback = add(number, function)
            except TypeError:  # A Maya that takes plain functions only.
                callback = add(number, lambda told=None: function(told))
            self._callbacks.append(callback)
        except Exception:  # This Maya cannot be kept from it; Maya's own question remains.
            pass


def _shield(decide):
    """A callback that answers what decide() says, and from which nothing escapes.

    A stop may arrive at its first instruction, before any `try` of a function; a generator goes on
    inside its own, and asks again. Maya waits for an answer, and the stop is repeated by itself.
    """

    def answers():
        answer = True
        asked = False
        while True:
            try:
                if asked:
                    answer = decide()
                    asked = False
                asked = True
                yield answer
            except GeneratorExit:
                return
            except Exception:  # Only within a run does it ask Maya anything.
                answer = asked = False
            except BaseException:
                pass

    answering = answers()
    next(answering)
    return answering.send


def _why_not(code, unsaved):
    """Why this code must not run with unsaved changes, by what is written in it; or None."""
    text = _Text(code)
    asking = ASKS.search(text.without_comments)
    if asking:
        return _would_ask(asking.group(), unsaved)
    places = [text.without_strings]
    if RUNS_TEXT.search(text.without_strings):
        places += text.strings
    forced = None  # There is no `quit`.
    for place in places:
        for forced in _quits(place):
            if not forced:
                return _would_ask("quit", unsaved)
    if forced and unsaved == "refuse":
        return (
            "the scene has unsaved changes, and this code quits Maya; it was not run."
            f" {WHAT_TO_DO}; or, if they may be lost, run it again with unsaved='discard'"
        )
    return None


def _would_ask(command, unsaved):
    instead = {
        "NewScene": "cmds.file(new=True, force=True)",
        "OpenScene": "cmds.file(path, open=True, force=True)",
        "openRecentFile": "cmds.file(path, open=True, force=True)",
        "performFileDropAction": "cmds.file(path, open=True, force=True)",
        "quit": "cmds.quit(force=True)",
    }.get(command, "the `file` command with force=True")
    words = "" if unsaved == "discard" else ", with unsaved='discard'"
    return (
        f"the scene has unsaved changes, and {command} would ask about them in a window that blocks"
        f" Maya; the code was not run. {WHAT_TO_DO}; or, if they may be lost, use {instead}{words}"
    )


def _quits(text):
    """For each `quit` of Maya's, whether it is forced."""
    owners = OWNERS.union(name for names in IMPORTED.findall(text) for name in names if name)
    names = {"quit", "Quit", *QUIT_IMPORTED.findall(text)}
    has_its_own = QUIT_DEFINED.search(text) is not None
    for word in re.finditer(r"\b(?:{})\b".format("|".join(names)), text):
        before = text[max(0, word.start() - 200) : word.start()]
        owner = re.sub(r"\s", "", OWNER.search(before).group()).rstrip(".")
        inside = _inside_of_call(text, word.end())
        by_itself = not owner and inside is not None and not has_its_own
        if owner in owners or (by_itself and not before.rstrip().endswith((".", "def"))):
            yield inside is not None and FORCED_IN_PYTHON.search(inside) is not None
    for statement in QUIT_IN_MEL.finditer(text):
        yield FORCED_IN_MEL.search(statement.group("flags")) is not None


def _inside_of_call(text, start):
    """What stands between the parentheses that open here; None without any."""
    rest = text[start : start + LONGEST_CALL]
    if not rest.lstrip().startswith("("):
        return None
    depth = 0
    for place, character in enumerate(rest):
        depth += (character == "(") - (character == ")")
        if character == ")" and depth == 0:
            return rest[:place]
    return rest


class _Text:
    """A code without its comments, the same without its strings, and these strings."""

    def __init__(self, code):
        self.strings = []
        try:
            cuts = _comments_and_strings_of_python(code)
        except Exception:  # What is no Python is MEL, or will not run.
            cuts = _comments_and_strings_of_mel(code)
        comments = [cut for cut in cuts if cut[2] is None]
        self.without_comments = _without(code, comments)
        self.without_strings = _without(code, cuts)
        self.strings = [cut[2] for cut in cuts if cut[2] is not None]


def _comments_and_strings_of_python(code):
    """(start, end, the string's own text or None) of each."""
    compile(code, "<guard>", "exec", dont_inherit=True)
    line_starts = [0]
    for line in code.split("\n"):
        line_starts.append(line_starts[-1] + len(line) + 1)
    cuts = []
    for token in tokenize.generate_tokens(io.StringIO(code, newline="\n").readline):
        start = line_starts[token.start[0] - 1] + token.start[1]
        end = line_starts[token.end[0] - 1] + token.end[1]
        if token.type == tokenize.COMMENT:
            cuts.append((start, end, None))
        elif token.type == tokenize.STRING:
            cuts.append((start, end, _unquoted(token.string)))
        elif tokenize.tok_name[token.type] == "FSTRING_MIDDLE":  # Python 3.12
            cuts.append((start, end, token.string))
    return cuts


def _comments_and_strings_of_mel(code):
    cuts = []
    for part in IN_MEL.finditer(code):
        string = part.group("string")
        cuts.append((part.start(), part.end(), None if string is None else _unquoted(string)))
    return cuts


def _without(code, cuts):
    kept = []
    place = 0
    for start, end, string in cuts:
        kept += code[place:start], " " if string is None else '""'
        place = end
    kept.append(code[place:])
    return "".join(kept)


def _unquoted(literal):
    text = literal.lstrip("rRbBuUfF")
    quotes = 3 if text[:3] in ('"""', "'''") else 1
    text = text[quotes:-quotes]
    return text.replace('\\"', '"').replace("\\'", "'").replace("\\n", "\n")


def _end_code_with(error):
    """Raises the error in the artist's code as soon as it goes on. False where that cannot be.

    Every frame between this call and the run's own source is traced, as a debugger does it. With a
    debugger in place, or in MEL, nothing happens: the error is told all the same.
    """
    frames = _frames_of_the_run()
    if not frames or sys.gettrace() is not None:
        return False

    def end(frame, event, told):
        sys.settrace(None)
        _trace(frames, None)
        raise error

    _trace(frames, end)
    sys.settrace(lambda frame, event, told: None)
    return True


def _trace(frames, function):
    for frame in frames:
        frame.f_trace = function
        if hasattr(frame, "f_trace_opcodes"):  # More may stand in the same line.
            frame.f_trace_opcodes = function is not None


def _frames_of_the_run():
    """From the one that called Maya out to the run's own code; none where there is no such."""
    frame = sys._getframe()
    ours = frame.f_code.co_filename
    found = []
    count = 0  # Of those which the run's own code is among.
    while frame is not None:
        name = frame.f_code.co_filename
        if name != ours:
            found.append(frame)
        if name.startswith(RUNS):
            count = len(found)
        frame = frame.f_back
    return found[:count]


def _is_modified():
    return bool(_ask(query=True, modified=True))


def _ask(**flags):
    try:
        return importlib.import_module("maya.cmds").file(**flags)
    except Exception:  # A Maya that cannot say it: nothing is refused on a guess.
        return None
