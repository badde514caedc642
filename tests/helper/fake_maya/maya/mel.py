"""A MEL of a few sentences."""

from . import check_thread

SENTENCES = {"1+1": 2, "ls -sl": ["pCube1", "pSphere1"], "print 1": None, 'python("1")': 1}


def eval(code):
    check_thread()
    if code not in SENTENCES:
        raise RuntimeError("Error occurred during execution of MEL script")
    return SENTENCES[code]
