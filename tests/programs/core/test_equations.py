"""Computations in solutions: found where they stand whole, and checked; a false alarm costs a good row."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from programs.core.equations import equations

OPERATORS = {"+": Fraction.__add__, "-": Fraction.__sub__, "*": Fraction.__mul__, "/": Fraction.__truediv__}
SIGNS = {"+": "+", "-": "−", "*": "×", "/": "÷"}
numbers = st.integers(0, 10_000).map(lambda cents: Fraction(cents, 100))


def written(number: Fraction) -> str:
    """A number with up to two decimals, as people write it."""
    return f"{float(number):,.2f}".rstrip("0").rstrip(".")


@given(numbers, st.sampled_from("+-*"), numbers, st.integers(-50, 50), st.booleans())
def test_a_computation_holds_if_its_result_is_right(
    a: Fraction, operator: str, b: Fraction, error: int, typeset: bool
) -> None:
    sign = SIGNS[operator] if typeset else operator
    result = OPERATORS[operator](a, b) + error
    text = f"So that is {written(a)} {sign} {written(b)} = {float(result)}, as we see."
    (equation,) = equations(text)
    assert equation.holds is (error == 0)


@given(st.text(alphabet="0123456789.,+-*/=()x%$ \n^\\{}ab:", max_size=60))
def test_no_text_raises(text: str) -> None:
    for equation in equations(text):
        assert equation.holds in (True, False, None)
        assert len(equation.sides) > 1


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("The boxes cost $3.50 * 4 = $14.00 in all.", [True]),
        ("She has 1,200 + 300 = 1,500 pounds.", [True]),
        ("3 x 4 = 12 and 12x2=25", [True, False]),
        ("\\frac{1}{2} + \\frac{1}{4} = \\frac{3}{4}", [True]),
        ("2/3 + 1/4 = 11/12", [True]),
        ("10 / 3 = 3.33", [True]),
        ("20 / 3 = 6.6", [True]),
        ("20 / 3 = 6.7", [True]),
        ("10 / 3 = 3.4", [False]),
        ("7.2 * 3 = 21.5", [False]),
        ("10 / 4 = 2", [False]),
        ("20% * 50 = 10", [True]),
        ("3 / 25 = 12%", [True]),
        ("3 / 25 * 100 = 12%", [True]),
        ("- 6 * 2 = 12\n- 5 + 1 = 6", [True, True]),
        ("1. 6 * 2 = 12\n2. 5 + 1 = 7", [True, False]),
        ("the temperature reached -6 + 15 = 9 degrees", [True]),
        ("total = 2 * (3 + 4) = 14", [True]),
        ("2 + 3 = 5 = 10 / 2", [True]),
        ("2 + 3 = 5 * 2 = 10", [False]),
        ("7 / 0 = 0", [None]),
        # cut, or with letters: nothing is said about these
        ("3 boxes * 4 = 12", []),
        ("2 apples * 3 - 1 = 5", []),
        ("x + 3 * 2 = 10", []),
        ("2x + 4 = 10", []),
        ("7:50 + 20 = 8:10", []),
        ("5 / 2 = 2 1/2", []),
        ("3 1/2 = 3.5 and he works 2 1/2 * 4 = 10 hours", []),
        ("3½ * 2 = 7", []),
        ("17 / 5 = 3 remainder 2, or 17 / 5 = 3 R 2", []),
        ("2,5 * 2 = 5 und 2,50 * 2 = 5,00", []),
        ("first 3, then 4 * 2 = 9", [False]),
        ("6 * 2 = 3 * y", []),
        ("x = 5", []),
    ],
)
def test_what_is_a_computation(text: str, holds: list[bool | None]) -> None:
    assert [equation.holds for equation in equations(text)] == holds


def test_a_key_does_not_depend_on_how_a_computation_is_written() -> None:
    first, second, other = (equations(text)[0].key for text in ("3 × 2.40 = $7.2", "so 3*2.4=7.20.", "2.4 * 3 = 7.2"))
    assert first == second != other
