"""A stand-in for Autodesk Maya: a process that is as awkward as Maya is known to be.

Invariant: nothing here flatters the code under test. Where a fact of Maya is known it is followed,
and where it is not known the less comfortable reading is taken.
"""
