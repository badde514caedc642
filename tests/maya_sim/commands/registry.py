"""How a command and its flags are made known.

Invariant: an unknown command is an AttributeError and an unknown flag a TypeError, as in Maya.
"""

import functools

from ..running import require_main_thread

# name → Command, for maya.cmds and for MEL alike.
TABLE = {}


class Command:
    def __init__(self, name, function, flags):
        self.name = name
        self.run = function
        self.long_names = {}
        # The flags that take a value in MEL; the others are switches there.
        self.takes_value = set()
        for flag in flags:
            names, takes_value, _ = flag.partition(":")
            long, _, short = names.partition("=")
            self.long_names[long] = self.long_names[short or long] = long
            if takes_value:
                self.takes_value.add(long)

    def flags(self, given):
        """Short names become long ones; a flag that the command does not have is an error."""
        result = {}
        for key, value in given.items():
            if key not in self.long_names:
                raise TypeError(f"Invalid flag '{key}'")
            result[self.long_names[key]] = value
        return result


def command(*flags, name=None):
    """Registers a command. A flag is `long=short`, with `:` behind it when MEL gives it a value."""

    def register(function):
        known = Command(name or function.__name__.rstrip("_"), function, flags)

        @functools.wraps(function)
        def called(*args, **kwargs):
            require_main_thread(f"maya.cmds.{known.name}")
            return function(*args, **known.flags(kwargs))

        called.__name__ = called.__qualname__ = known.name
        known.call = called
        TABLE[known.name] = known
        return called

    return register


def names_in(arguments):
    """Positional arguments may be names or lists of names."""
    flat = []
    for argument in arguments:
        flat.extend(argument if isinstance(argument, (list, tuple)) else [argument])
    return flat
