"""The package `maya`, as code inside the process finds it.

Invariant: what is not here raises AttributeError or ImportError; nothing is invented to please.
"""
