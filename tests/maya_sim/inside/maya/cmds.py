"""`maya.cmds`: the commands of the table, and no other name."""


def _fill(names):
    from maya_sim.commands import TABLE

    names.update({name: known.call for name, known in TABLE.items()})


_fill(globals())
del _fill
