"""Final answers: found in a solution, read for their value, and compared; no text takes long or raises."""

import math
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from programs.core.mathematics import BITS, LONGEST, calculated, final_answer, same_answer, value

fractions = st.fractions(max_denominator=10**6)
whole = st.integers(-(10**9), 10**9)
positive = st.integers(1, 10**6)
symbols = st.sampled_from(
    [*"0123456789.,+-*/^()[]{}$%=~!'\"\\ \n_ejx", "**", "//", "sqrt(", "pi", "not ", "\\frac{", "\\sqrt{", "\\boxed{"]
)
expressions = st.lists(symbols, max_size=40).map("".join)


@st.composite
def sums(draw: st.DrawFn, depth: int = 3) -> tuple[str, Fraction]:
    """An arithmetic expression with its value, by rules of our own."""
    if not depth or draw(st.booleans()):
        number = draw(st.integers(0, 999))
        return str(number), Fraction(number)
    (left, first), (right, second) = draw(sums(depth=depth - 1)), draw(sums(depth=depth - 1))
    sign = draw(st.sampled_from("+-*/" if second else "+-*"))
    values = {"+": first + second, "-": first - second, "*": first * second}
    return f"({left} {sign} {right})", values[sign] if sign != "/" else first / second


# what is calculated


@given(sums())
def test_arithmetic_is_exact(expression: tuple[str, Fraction]) -> None:
    text, expected = expression
    assert calculated(text) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("2**10", 1024),
        ("2**-2", Fraction(1, 4)),
        ("-2**2", -4),
        ("--3", 3),
        ("+3 - -2", 5),
        ("0.1 + 0.2", Fraction(3, 10)),
        ("1e3", 1000),
        ("sqrt(9/4)", Fraction(3, 2)),
        ("sqrt((10**20 + 1)**2)", 10**20 + 1),
        ("sqrt(2)", math.sqrt(2)),
        ("2 * pi", 2 * math.pi),
        ("10**400 / 10**399", 10),
        ("8**(1/3)", pytest.approx(2)),
        ("1.004167**360", pytest.approx(1.004167**360)),
        (" 7\n", 7),
    ],
)
def test_an_expression_has_its_value(expression: str, expected: object) -> None:
    assert calculated(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        *("", "1/0", "0**-1", "pi/(1-1)", "sqrt(0-1)", "(-8)**(1/3)", "(-1)**0.5", "1j", "inf", "nan", "1e999"),
        *("x", "f(1)", "sqrt()", "sqrt(1, 4)", "sqrt(x=4)", "sqrt", "pi(2)", "1 2", "1, 2", "[1]", "'1'", "1 < 2"),
        *("not 1", "~1", "7 // 2", "7 % 2", "1 if 1 else 2", "True", "__import__('os')", "lambda: 1", "0x10", "1_000"),
        *("½", "²", "٣", "１", "\x00", "\ud800", "(" * 50, "(" * 1000 + "1" + ")" * 1000, "-" * (LONGEST - 1) + "1"),
        *("1" + " " * LONGEST, "1 - " * LONGEST + "1"),
        *("9" * 5000, "9**9**9", "2**2**2**2**2**2", "10**400", "9" * 400, "1e308 * pi * 10"),
    ],
)
def test_anything_else_has_none(expression: str) -> None:
    assert calculated(expression) is None


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "expression",
    [
        "((1/1000000)**4000)**4000",
        "(((1000001/1000000)**4000)**4000)**4000",
        "((1 + 1/9**1000)**4000)**4000",
        "+".join(f"1/{prime}**300" for prime in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59)),
        "*".join(["(2**4000)"] * 80),
        "1/7**" * 190 + "9",
    ],
)
def test_no_expression_takes_long_or_fills_the_memory(expression: str) -> None:
    result = calculated(expression)
    assert result is None or isinstance(result, float) or max(result.numerator, result.denominator) < 2**BITS


@given(st.text() | expressions)
@example("5if 1else 2")
def test_arbitrary_text_is_read_or_not_but_never_raises(text: str) -> None:
    for result in (calculated(text), value(text)):
        assert result is None or math.isfinite(result)
    assert final_answer(text) == "" or final_answer(text).strip()
    assert same_answer(text, "5") in (True, False, None)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "\\sqrt{" * 20_000 + "1" + "}" * 20_000,
        "\\frac{" * 20_000 + "1" + "}{2}" * 20_000,
        "\\boxed{" * 50_000,
        "\\boxed{" * 20_000 + "}" * 20_000,
        "answer " * 50_000,
        "1" * 100_000 + "!",
        "1 " * 100_000,
        "1," * 100_000,
        "-" * 100_000,
    ],
    ids=lambda text: text[:8],
)
def test_a_long_text_takes_no_long_time(text: str) -> None:
    assert value(text) is None
    final_answer(text)


# what is read


@given(fractions)
def test_a_fraction_comes_back_as_it_was_written(number: Fraction) -> None:
    assert value(str(number)) == number
    sign, top = "-" if number < 0 else "", abs(number.numerator)
    for text in (rf"{sign}\frac{{{top}}}{{{number.denominator}}}", rf"$\boxed{{{number}}}$", f"({number})"):
        assert value(text) == number


@given(whole)
def test_thousands_money_and_percent_do_not_change_the_number(number: int) -> None:
    for text in (f"{number:,}", f"${number:,}", f"{number}%", f"{number:,}.00", f"{number:_}".replace("_", "{,}")):
        assert value(text) == number


@given(whole, st.sampled_from(["km", "apples", "pizzas", "m/s", "°C", "km²", "m^2", "cm3", "dollars each", "°", "in."]))
def test_a_unit_does_not_change_the_number(number: int, unit: str) -> None:
    assert value(f"{number} {unit}") == number


@given(positive, positive, positive)
def test_a_mixed_number_is_a_sum(number: int, top: int, bottom: int) -> None:
    assert value(f"{number} {top}/{bottom}") == number + Fraction(top, bottom)
    assert value(f"-{number} {top}/{bottom} cups") == -(number + Fraction(top, bottom))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"2\sqrt{3}", 2 * math.sqrt(3)),
        (r"\frac{\sqrt{2}}{2}", math.sqrt(2) / 2),
        (r"\sqrt{\frac{\sqrt{\sqrt{16}}}{2}}", math.sqrt(math.sqrt(4) / 2)),
        (r"\dfrac{2^{10}}{3}", Fraction(1024, 3)),
        ("2^{1/2}", math.sqrt(2)),
        ("2^{10+1}", 2048),
        (r"4\pi", 4 * math.pi),
        ("4 π", 4 * math.pi),
        (r"5\text{ cm}", 5),
        (r"50\%", 50),
        (r"\left(2 \cdot 3\right)", 6),
        ("1.5 × 10^3", 1500),
        ("6 ÷ 4", Fraction(3, 2)),
        ("−5", -5),
        ("½", Fraction(1, 2)),
        ("3½", Fraction(7, 2)),
        ("٣/٤", Fraction(3, 4)),
        ("1e3", 1000),
        ("12.", 12),
        (r"10,\!000", 10_000),
    ],
)
def test_the_notations_of_final_answers_are_read(text: str, expected: Fraction | float) -> None:
    assert value(text) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["", "%", "km", "five", "x = 5", "5 and 6", "3 4", "5:30", "(1, 2)", "1 1/0", "5 feet 3"]
)
def test_what_is_no_single_number_is_not_read(text: str) -> None:
    assert value(text) is None


# what is found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r"First \boxed{1}, and so \boxed{\frac{\sqrt{2}}{2}}. The answer is 7.", r"\frac{\sqrt{2}}{2}"),
        (r"Cut off: 3, \boxed{\frac{1}{2}", "2"),
        ("Answer: 4\nWe check: 2 + 3.\nThe answer is 42.", "42"),
        ("The answer is 42.\nThere are 3 steps.", "42"),
        ("answer = 1,250.50", "1,250.50"),
        ("**Answer: 5**", "5"),
        ("The result is 3/4", "3/4"),
        ("The total is 3 1/2 cups", "3 1/2 cups"),
        (r"The answer is \frac{1}{2}", r"\frac{1}{2}"),
        ("The answer is 10^2", "10^2"),
        ("The total of 5 and 6 is 11", "11"),
        ("The answer is below.\nIt is 8.", "8"),
        ("3 + 4 = 7", "7"),
        ("7, or -8, as was said.", "-8"),
        ("So we get 5, as was said.", "5"),
        ("from 10-3", "3"),
        ("half: .5", ".5"),
        ("The answer is .25.", ".25"),
        (r" \frac{3}{4}.", r"\frac{3}{4}."),
        ("-3 1/2 cups", "-3 1/2 cups"),
        ("It grew by 25 %", "25 %"),
        ("３つ", "3"),
        ("no number", ""),
        ("", ""),
    ],
)
def test_the_final_answer_is_found(text: str, expected: str) -> None:
    assert final_answer(text) == expected


@given(fractions, st.lists(whole, max_size=3))
def test_a_stated_answer_is_found_whatever_stands_before(number: Fraction, before: list[int]) -> None:
    steps = "".join(f"Step {place}: {step}.\n" for place, step in enumerate(before))
    for said in (f"The answer is {number}.", f"Answer: {number}", rf"\boxed{{{number}}}", f"It makes {number}"):
        assert value(final_answer(steps + said)) == number


# what is the same


@given(fractions, fractions)
def test_answers_are_the_same_if_their_values_are(first: Fraction, second: Fraction) -> None:
    assert same_answer(str(first), str(second)) is same_answer(str(second), str(first))
    assert same_answer(str(first), rf"\frac{{{first.numerator}}}{{{first.denominator}}}") is True
    if abs(first - second) > 2e-6 * max(1, abs(first), abs(second)):
        assert same_answer(str(first), str(second)) is False


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("0.333333333", "1/3", True),
        ("0.333", "1/3", False),
        ("1,000 dollars", "$1000", True),
        ("Paris", " paris ", True),
        ("(A)", "(a)", True),
        ("Paris", "London", None),
        ("Paris", "5", None),
        ("", "", None),
        ("0", "0.00000001", True),
        ("1" + "0" * 400, "5", None),
        ("1e308 * pi * 10", "1e308 * pi * 11", None),
    ],
)
def test_equality_is_of_values_else_of_texts(answer: str, gold: str, expected: bool | None) -> None:
    assert same_answer(answer, gold) is expected


@pytest.mark.parametrize(
    ("answer", "gold", "same"),
    [
        ("3 hours", "3 minutes", False),
        ("5 m", "5 cm", False),
        ("$5", "5 euros", False),
        ("18 dollars", "$18.00", True),
        ("5 minutes", "5 min", True),
        ("12", "12 km", True),
        ("5 apples", "5", True),
    ],
)
def test_answers_in_other_units_of_measure_differ(answer: str, gold: str, same: bool) -> None:
    assert same_answer(answer, gold) is same
