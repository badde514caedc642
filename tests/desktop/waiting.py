"""The one way to wait for what has no event of its own."""

import threading
import time

# A person would call the program broken after this long.
DEADLINE = 15.0
_PAUSE = threading.Event()


def until(found, deadline=DEADLINE, what="it"):
    """Asks until the answer is truthy, and gives that back."""
    end = time.monotonic() + deadline
    while True:
        answer = found()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(
                f"{what} did not come about in {deadline} s; the last answer was {answer!r}"
            )
        _PAUSE.wait(0.02)
