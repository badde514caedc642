"""The main job played from end to end, with simulated Mayas: `cargo xtask demo`.

Invariant: the programs are the real ones, started as for an artist, in a home of their own.
"""
