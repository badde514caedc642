"""Callbacks from which nothing escapes into Maya or Qt, not even a stop that arrives in them.

Invariant: a call that Maya makes is done, whatever stop arrives before or in it. A stop swallowed
here is no loss, for it is repeated.

A stop raised during a long call of the artist's code is delivered at the first Python instruction
after it. That may be the first one of a callback, before any `try` of a function; a generator goes
on inside its own, if Maya resumes it without any Python in between.
"""


def on_stop(_stop):
    """Is told of a stop that was swallowed; whoever stops code puts something of its own here."""


TIMES = 10  # A function that raises a stop of its own each time is not called for ever.


def callback(function, otherwise=None):
    """For Maya or Qt to call with one argument, which is dropped; answers what function() does.

    `otherwise` is the answer when it fails. After a stop function() is called again, so it has to
    bear that; it may also lead to the same callback again.
    """
    kind = type("Callback", (), {})
    _resumable(kind, function, otherwise)
    return kind()


def callback_of_several(function, otherwise=None):
    """The same for function(*arguments), with what Maya gives it: one argument, many or none.

    A generator takes one only, and may lose it. So this is a function: a stop that arrives with
    its very first or very last instruction escapes, Maya prints it, and in the first case this one
    call is lost. Whatever matters to be done must be found by the next call, too.
    """

    def call(*arguments):
        for _ in range(TIMES):
            try:
                return function(*arguments)
            except Exception:
                return otherwise
            except BaseException as stop:
                on_stop(stop)
        return otherwise

    return call


def _resumable(kind, function, otherwise):
    """Makes calls of that kind resume a generator, and gives what they call then.

    A generator cannot be resumed while it runs, so meanwhile another one is in its place.
    """

    def answers():
        answer = otherwise
        inner = None
        tries = 0  # Left, if it was called.
        while True:
            try:
                if tries:
                    tries -= 1
                    answer = otherwise
                    inner = inner or _resumable(kind, function, otherwise)
                    kind.__call__ = inner
                    answer = function()
                kind.__call__ = resume
                tries = TIMES
                yield answer
            except GeneratorExit:
                return
            except Exception:
                tries = 0
            except BaseException as stop:
                on_stop(stop)

    answering = answers()
    resume = answering.send
    next(answering)
    return resume
