"""Numbers for people."""

from statistics import median


def show(title, rows):
    """Prints rows of what was measured and how much it is."""
    width = max(len(what) for what, _ in rows)
    print(f"\n{title}", flush=True)
    for what, how_much in rows:
        print(f"  {what:<{width}}  {how_much:>9}", flush=True)


def milliseconds(seconds):
    return f"{seconds * 1000:.0f} ms"


def median_and_max(what, seconds):
    return [
        (f"{what}, median of {len(seconds)}", milliseconds(median(seconds))),
        (f"{what}, longest", milliseconds(max(seconds))),
    ]
