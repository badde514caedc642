"""Where Maya's command port lives; its code is not here (see maya_sim/ports.py)."""
