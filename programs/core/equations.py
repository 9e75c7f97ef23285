"""The computations in a solution, such as `3 * 2.40 = 7.20`: finding, checking and comparing them.

Only what stands in numbers alone is a computation here. One with units or letters within (`3 boxes * 4 = 12`) is none,
and neither is one that begins or ends in the middle of a longer one.
"""

import math
import re
from fractions import Fraction
from typing import NamedTuple

from programs.core.mathematics import EQUAL, Value, calculated, in_ascii
from programs.core.text import rouge_l

ALIKE = 0.7  # ROUGE-L from which two solutions count as one (ours)

_NUMBER = r"\d+(?:\.\d+)?"
_TERM = rf"(?:\([ \t]*)*-?{_NUMBER}%?(?:[ \t]*\))*"
_SIDE = rf"{_TERM}(?:[ \t]*(?:\*\*|[-+*/])[ \t]*{_TERM})*"
_EQUATION = re.compile(rf"(?<![\w.:)\]]){_SIDE}(?:[ \t]*=[ \t]*{_SIDE})+")
_OPERATORS_AND_DIGITS = frozenset("+-*/^0123456789")  # of which one stands before an equation that is cut: 3 1/2 = 3.5
_GOES_ON = re.compile(r"[ \t]*(?:[-+*/(\d]|=[ \t]*[(\w])|[:.,]\d|[ \t]*(?:r|rem|remainder)\b", re.IGNORECASE)
"""What follows an equation that is cut, or a quotient with a remainder."""
_BULLET = re.compile(r"^[ \t]*[-*+•][ \t]+", re.MULTILINE)
_TIMES = re.compile(r"(?<=[\d)])[ \t]*[xX][ \t]*(?=[\d(])")
_PERCENT = re.compile(rf"({_NUMBER})%")


class Equation(NamedTuple):
    """A computation. `sides`: what its equals signs divide, two or more, each an arithmetic expression."""

    sides: tuple[str, ...]

    @property
    def holds(self) -> bool | None:
        """Whether all sides have one value; None if one cannot be calculated. A decimal number may be rounded or cut.
        Percents are read as shares or as numbers."""
        first, *others = self.sides
        agree = [_agree(first, other) for other in others]
        return None if None in agree else all(agree)

    @property
    def key(self) -> str:
        """The same text for equations that differ in blanks and in the form of their numbers alone."""
        sides = (re.sub(_NUMBER, lambda number: str(Fraction(number[0])), side) for side in self.sides)
        return "=".join("".join(side.split()) for side in sides)


def equations(text: str) -> list[Equation]:
    """The computations of a text, in order: those with an operator on one side at least."""
    text = _TIMES.sub(" * ", in_ascii(_BULLET.sub("", text)))
    whole = (match for match in _EQUATION.finditer(text) if not _is_cut(text, match))
    split = (tuple(side.strip() for side in match[0].split("=")) for match in whole)
    return [Equation(sides) for sides in split if any(re.search(r"[\d)%][ \t]*[-+*/]", side) for side in sides)]


def _is_cut(text: str, match: re.Match[str]) -> bool:
    """Whether an operator, or a number, stands beside the equation."""
    before = text[: match.start()]
    is_decimal = before[-1:] == "," and before[-2:-1].isdigit()  # the rest of 2,5
    starts_within = is_decimal or before.rstrip(" \t")[-1:] in _OPERATORS_AND_DIGITS
    return starts_within or bool(_GOES_ON.match(text, match.end()))


def _values(side: str) -> list[Value]:
    """The values that a side may have; none if it cannot be calculated."""
    readings = dict.fromkeys((_PERCENT.sub(r"(\1/100)", side), _PERCENT.sub(r"\1", side)))
    return [value for reading in readings if (value := calculated(reading)) is not None]


def _agree(first: str, second: str) -> bool | None:
    """Whether two sides have one value, in one of their readings; None if one of them cannot be calculated."""
    values = _values(first), _values(second)
    if not all(values):
        return None
    exact = any(math.isclose(a, b, rel_tol=EQUAL, abs_tol=EQUAL) for a in values[0] for b in values[1])
    return exact or any(_shortens(a, second) for a in values[0]) or any(_shortens(b, first) for b in values[1])


def _shortens(value: Value, side: str) -> bool:
    """Whether a side is a decimal number, and the value rounded or cut to as many decimals."""
    number = re.fullmatch(r"(-?\d+\.(\d+))%?", side)
    if not number:
        return False
    whole, short, unit = abs(Fraction(value)), Fraction(number[1]), Fraction(1, 10 ** len(number[2]))
    return abs(Fraction(value) - short) <= unit / 2 or 0 <= whole - abs(short) < unit


def same_derivation(first: str, second: str) -> bool:
    """Whether two solutions have the same list of computations, as in RFT (Yuan et al. 2023), or nearly
    the same words."""
    keys, others = ([equation.key for equation in equations(text)] for text in (first, second))
    return keys == others != [] or rouge_l(first, second) > ALIKE
