"""Unsaved changes are not lost by a run, and nobody is asked about them in a window.

Invariant: only between begin() and end() is anything refused, and only while the scene has unsaved
changes. Nothing escapes from a callback into Maya, and `file -prompt` is put back as it was.

Maya tells nobody that a check callback refused: `file -f -new` gives no error then, and the code
would go on in the scene that it believes closed. So it is ended in its own next line.

The artist, who can act while a run turns Qt's event loop, is left free: see _frames_of_the_run().
"""

import importlib
import re
import sys

from . import callbacks, ending, shield
from .ending import RUNS
from .errors import OURS
from .interrupt import Stop

CHECKS = ("kBeforeNewCheck", "kBeforeOpenCheck")

# Commands and procedures of Maya's menus. Each runs into the window "Save Changes".
ASKING = ("NewScene", "OpenScene", "saveChanges", "openRecentFile", "performFileDropAction")
MENTIONS = re.compile(r"\b(?:[qQ]uit|{})\b".format("|".join(ASKING)))
ASKS = re.compile(r"\b(?:{})\b".format("|".join(ASKING)))

# `quit` is a common word: threads and windows have one too. Maya's stands behind what is imported
# from Maya or PyMEL, or is called by itself; in MEL, it stands where a statement begins.
QUITS = re.compile(r"\b[qQ]uit\b")
OWNERS = ("cmds", "mc", "pm", "core", "mel")
OWNER = re.compile(r"(\w+)\s*\.\s*\Z")
IMPORTED = re.compile(r"\b(?:maya|pymel)\b[\w. ]{0,60}\bas (\w+)")
CALLED = re.compile(r"\s*(?:\(([^()]*)| as\b)")
IN_MEL = re.compile(r"((?:[ \t]+-?\w+)*)[ \t]*(?:\Z|[;}`\r\n\\\"'])")
FORCED = re.compile(r"\b(?:force|f|abort|a)\s*=(?!\s*(?:False|0|None)\b)|-(?:force|f|abort|a)\b")
DEFINED = re.compile(r"\bdef quit\b")
RUNS_TEXT = re.compile(r"\b(?:mel|exec|python|\w{0,40}[eE]val)")
COMMENTS = re.compile(r"#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
BEFORE, BEHIND = 80, 400  # How many characters around a `quit` are read,
LONGEST = 256 << 10  # and how many of a code: what is longer is no text that somebody wrote.

WHAT_TO_DO = (
    "Save it first, with cmds.file(save=True) (a scene without a name needs"
    " cmds.file(rename='…') before that)"
)
OR_LOSE = "or, if they may be lost, run the code again with unsaved='discard'"
UNSAVED = "the scene has unsaved changes"
NOT_CLOSED = UNSAVED + ", so it was not closed"
WAS_ENDED = "and the code was ended there"
WENT_ON = (
    "but the code went on, in this scene (at most what called for it was ended): look at what it"
    " did, and undo it if need be"
)


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
        self._outside = None  # The frame that called the run's code which was refused.
        self._prompted = False

    def listen(self):
        """Registers the callbacks. Without the API's second edition there are none."""
        try:
            self._message = importlib.import_module("maya.api.OpenMaya").MSceneMessage
        except Exception:
            return
        for moment in CHECKS:
            self._add("addCheckCallback", moment, shield.callback)
        # What is about to be opened is told as well: two arguments.
        self._add("addCheckFileCallback", "kBeforeOpenCheck", shield.callback_of_several)

    def close(self):
        """Removes the callbacks."""
        self._refuses = False
        numbers, self._callbacks = self._callbacks, []
        callbacks.remove(self._message, numbers)

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
        outside, self._outside = self._outside, None
        if refused is not None:
            after = WAS_ENDED if _came_to(outside, refused) else WENT_ON
            refused.args = (f"{NOT_CLOSED}, {after}. {WHAT_TO_DO}; {OR_LOSE}",)
        return refused

    def _allows(self, *_told):
        """What a check callback answers."""
        if not self._refuses or not _is_modified():
            return True
        frames = _frames_of_the_run()
        if frames is None:
            return True
        if self._refused is None:
            self._refused = UnsavedChanges(f"{NOT_CLOSED}. {WHAT_TO_DO}; {OR_LOSE}")
        if frames:
            self._outside = frames[-1].f_back
            ending.raise_in(frames, self._refused)
        return False

    def _add(self, how, moment, *shields):
        for shielded in (*shields, shield.callback_of_several):
            try:
                add = getattr(self._message, how)
                number = getattr(self._message, moment)
                self._callbacks.append(add(number, shielded(self._allows, False)))
                return
            except TypeError:  # A Maya that takes plain functions only.
                continue
            except Exception:  # This Maya cannot be kept from it; its own question remains.
                return


def _frames_of_the_run():
    """From the one that called Maya out to the run's own code. None: the artist called.

    Between the artist and the run is the event loop that the run turns, in C++. So it was he if a
    line that turns it comes before any of the run's own; what a slot of the run does is the run's.
    Where no line says so, he is taken for the run: a loop turned by a command of Maya's, or by
    Python without its source. A library's own slot is taken for him.
    """
    frame = sys._getframe()
    while frame.f_code.co_filename in (__file__, shield.__file__):
        frame = frame.f_back
    found = []
    count = 0  # Of those which the run's own code is among; none in MEL.
    while frame is not None and not frame.f_code.co_filename.startswith(OURS):
        if not count and ending.turns_the_loop(frame):
            return None
        found.append(frame)
        if frame.f_code.co_filename.startswith(RUNS):
            count = len(found)
        frame = frame.f_back
    return found[:count]


def _came_to(outside, error):
    """Whether the error got as far as that frame."""
    step = error.__traceback__
    while step is not None and step.tb_frame is not outside:
        step = step.tb_next
    return step is not None


def _why_not(code, unsaved):
    """Why this code must not run with unsaved changes, by what is written in it; or None."""
    text = COMMENTS.sub("", code[:LONGEST])
    asking = ASKS.search(text)
    if asking:
        return _would(asking.group(), unsaved)
    forced = False  # No `quit` that is.
    for forced in _quits(text):
        if not forced:
            return _would("quit", unsaved)
    if forced and unsaved == "refuse":
        return f"{UNSAVED}, and this code quits Maya; it was not run. {WHAT_TO_DO}; {OR_LOSE}"
    return None


def _would(command, unsaved):
    words = "" if unsaved == "discard" else ", and unsaved='discard'"
    return (
        f"{UNSAVED}, and {command} would ask about them in a window that blocks Maya; the code was"
        f" not run. {WHAT_TO_DO}; or, if they may be lost, use cmds.file(…, force=True) or"
        f" cmds.quit(force=True){words}"
    )


def _quits(text):
    """For each `quit` of Maya's, whether it is forced.

    Read as a text, so that any code is read quickly, MEL and code in strings as well. What is
    written in an unusual way is not found; a string that looks like a call of it is.
    """
    owners = {*OWNERS, *IMPORTED.findall(text)}
    defined = DEFINED.search(text) is not None
    starts = "\n;{})`" + ("\"'" if RUNS_TEXT.search(text) else "")  # Of a statement.
    for word in QUITS.finditer(text):
        before = text[max(0, word.start() - BEFORE) : word.start()]
        behind = text[word.end() : word.end() + BEHIND]
        last = before.rstrip(" \t")[-1:]
        owner = OWNER.search(before)
        called = CALLED.match(behind)
        in_mel = IN_MEL.match(behind)
        if owner and owner.group(1) in owners:
            found = called and called.group(1)
        elif called and not defined and (last in starts + ":(=," or behind.startswith(" as ")):
            found = called.group(1)
        elif in_mel and last in starts:
            found = in_mel.group(1)
        else:
            continue
        yield FORCED.search(found or "") is not None


def _is_modified():
    return bool(_ask(query=True, modified=True))


def _ask(**flags):
    try:
        return importlib.import_module("maya.cmds").file(**flags)
    except Exception:  # A Maya that cannot say it: nothing is refused on a guess.
        return None
