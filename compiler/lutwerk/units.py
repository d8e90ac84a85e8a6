"""Numbers as people read them: sizes, durations, counts."""


def format_bytes(count: float) -> str:
    """A size in binary units.

    >>> format_bytes(1536)
    '1.5 KiB'
    """
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def format_count(count: float) -> str:
    """A count in decimal units, as model sizes are given.

    >>> format_count(4_600_000)
    '4.60 M'
    """
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if count >= limit:
            return f"{count / limit:.2f} {unit}"
    return f"{count:.0f}"


def format_seconds(seconds: float) -> str:
    """A duration of work that is under way.

    >>> format_seconds(75)
    '1:15'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
