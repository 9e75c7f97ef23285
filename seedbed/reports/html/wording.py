"""Numbers as the captions and tables of figures write them, so that each is found again in the table."""

from metrics.calibration.intervals import Interval


def percent(share: float) -> str:
    """A share in [0, 1] as a whole percentage."""
    return f"{share:.0%}"


def percents(interval: Interval) -> str:
    """A share with its 95% interval."""
    return f"{interval.mean:.0%} [{interval.low:.0%}, {interval.high:.0%}]"


def counted(number: int, noun: str) -> str:
    """A number with its noun, whose plural takes an s."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def is_are(number: int) -> str:
    """The verb after a number of things."""
    return "is" if number == 1 else "are"
