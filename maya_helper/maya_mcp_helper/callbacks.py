"""Callbacks of Maya's, taken back.

Invariant: it never fails, for Maya may be taking itself apart.
"""


def remove(message, numbers):
    """Removes what was registered with this class of the API under these numbers."""
    for number in numbers:
        try:
            message.removeCallback(number)
        except Exception:
            pass
