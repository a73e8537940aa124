"""How long something takes, as people read it."""


def span(seconds: float) -> str:
    """In the largest unit that fits."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def seconds(value: float) -> str:
    """A short time, to the millisecond."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"
