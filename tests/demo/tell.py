"""Tells what happened, in a line for each step.

Invariant: a step that did not happen is told, and ends the play.
"""

import sys
import time
from contextlib import contextmanager


class Failed(Exception):
    """A step did not happen. The message says what was seen instead."""


class Step:
    """What a step may say of itself: more words, or another time than its own duration."""

    def __init__(self):
        self.started = time.monotonic()
        self.ended = None
        self.words = ""

    def saw(self, words, at=None):
        self.words = words
        self.ended = at


@contextmanager
def step(name, since=None):
    """Prints `name` and how long it took since `since`, or since now."""
    this = Step()
    this.started = since or this.started
    try:
        yield this
    except Exception as error:
        reason = str(error) or type(error).__name__
        _say(f"✘ {name}: {reason}")
        raise Failed(name) from error
    took = (this.ended or time.monotonic()) - this.started
    words = f": {this.words}" if this.words else ""
    _say(f"✔ {name}{words}  ({took * 1000:.0f} ms)")


def say(text=""):
    _say(text)


def _say(text):
    print(text, file=sys.stdout, flush=True)
