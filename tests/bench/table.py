"""Numbers for people."""

from statistics import median, quantiles


def show(title, rows):
    """Prints rows: what was measured, how much it is, and how much is wanted, if that is said."""
    width = max(len(what) for what, *_ in rows)
    print(f"\n{title}", flush=True)
    for what, how_much, *wanted in rows:
        compared = "".join(f"   wanted: {it}" for it in wanted)
        print(f"  {what:<{width}}  {how_much:>9}{compared}", flush=True)


def milliseconds(seconds):
    return f"{seconds * 1000:.0f} ms"


def fine(seconds):
    return f"{seconds * 1000:.3f} ms"


def median_and_max(what, seconds):
    return [
        (f"{what}, median of {len(seconds)}", milliseconds(median(seconds))),
        (f"{what}, longest", milliseconds(max(seconds))),
    ]


def median_and_least(what, seconds, *wanted):
    """The least is what it takes where nothing else runs."""
    return [
        (f"{what}: median of {len(seconds)}", milliseconds(median(seconds)), *wanted),
        (f"{what}: least", milliseconds(min(seconds)), *wanted),
    ]


def median_and_99th(what, seconds, *wanted):
    """`wanted`: of the median and of the 99th of 100, where something is."""
    cuts = quantiles(seconds, n=100)
    half, most = (wanted[:1], wanted[1:])
    return [
        (f"{what}: median of {len(seconds)}", fine(cuts[49]), *half),
        (f"{what}: 99th of 100", fine(cuts[98]), *most),
    ]
