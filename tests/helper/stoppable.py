"""Which tests need a Python whose running code can be stopped.

Invariant: what is left out under another Python (PyPy has no `ctypes.pythonapi`) runs under
CPython: `cargo xtask test` runs these tests under both.
"""

import platform

import pytest

STOPPABLE = platform.python_implementation() == "CPython"
needs_stop = pytest.mark.skipif(
    not STOPPABLE, reason="nothing stops running code under this Python; CPython runs this test"
)
