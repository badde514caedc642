"""What `commandPort` is told when it opens a port.

Invariant: plain data; nothing here touches the network.
"""

from dataclasses import dataclass


@dataclass
class Spec:
    """What `commandPort` was told."""

    name: str
    language: str = "mel"
    warn: bool = False
    echo: bool = False
    no_return: bool = False
    buffer_size: int = 4096

    @classmethod
    def parse(cls, text):
        """`python:127.0.0.1:0`, `mel:0`, `mel:/abs/sock`, `mel:name`; `+warn +echo +buffer=N`."""
        where, *marks = text.split("+")
        language, _, name = where.partition(":")
        if language not in ("mel", "python") or not name:
            raise ValueError(f"a command port is mel:NAME or python:NAME, not {text!r}")
        # A bare number would be the name of a Unix socket to Maya; nobody means that on this line.
        spec = cls(name=f"127.0.0.1:{name}" if name.isdigit() else name, language=language)
        for mark in marks:
            key, _, value = mark.partition("=")
            if key == "buffer":
                spec.buffer_size = int(value)
            elif key in ("warn", "echo", "noreturn"):
                setattr(spec, {"noreturn": "no_return"}.get(key, key), True)
            else:
                raise ValueError(f"unknown mark +{mark} in {text!r}")
        return spec


class PortError(Exception):
    """A port could not be opened or closed; the text is what Maya says."""
