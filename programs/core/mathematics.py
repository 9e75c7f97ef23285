"""Answers that are numbers: finding the final one in a text, reading its value, and comparing two.

SymPy's reader of LaTeX needs an ANTLR runtime of one exact version, so the few notations that final answers use are
read here: fractions, roots, powers, percent, money, thousands, units, and the frame of \\boxed.
"""

import ast
import math
import operator
import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from programs.core.text import plain

EQUAL = 1e-6  # the relative difference up to which two values are equal
LONGEST = 1000  # characters of an expression: a longer one is no final answer, and may take very long
GSM8K = "####"  # after which a gold answer stands (Cobbe et al. 2021)
BITS = 4096  # of an exact number: beyond, it is a float, for powers of powers would fill the memory

_NUMBER = r"(?:(?<![\w)])-)?(?:\d+ \d+/\d+|\d+(?:,\d+)*(?:\.\d+)?(?:/\d+)?|\.\d+)"  # 10-3 ends in 3
_LAST = re.compile(rf"{_NUMBER}(?:\s?%)?")
_STATED = re.compile(r"(?:answer|result|total)(?:\s+is)?\s*[:=]?\s*([^\n]+)$", re.IGNORECASE | re.MULTILINE)
_STATES = re.compile(r"=|\banswer\b", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s*\{")
_GROUP = r"\s*\{([^{}]*)\}"
_LATEX = (
    (re.compile(rf"\\(?:text|mathrm){_GROUP}"), r" \1"),
    (re.compile(rf"\\[dt]?frac{_GROUP}{_GROUP}"), r"((\1)/(\2))"),
    (re.compile(rf"\\sqrt{_GROUP}"), r"sqrt(\1)"),
    (re.compile(rf"\^{_GROUP}"), r"^(\1)"),
)
_SIGNS = {"\\times": "*", "\\cdot": "*", "\\div": "/", "×": "*", "÷": "/", "·": "*", "^": "**", "\\pi": "pi", "π": "pi"}
_NOISE = re.compile(r"\\(?:left|right|,|;|!|\$|%)|[$£€¥\\{}]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
_MIXED = re.compile(r"^(-?\d+)\s+(\d+/\d+)$")
_WORDS = r"°?\s?[A-Za-z](?:[A-Za-z./ °'-]|(?<=[A-Za-z])(?:\*\*)?[23])*"  # of a unit, as m/s, or square metres
_UNIT = re.compile(rf"^\s*([-+\d.*/() ]*\d\)?)\s*(?![eE][-+]?\d)(?:[%°]|{_WORDS})\.?$")
_NAMED = re.compile(r"sqrt\b|pi\b")
_ARITHMETIC = re.compile(r"(?:[\d\s.()+*/-]|[eE][-+]?\d|sqrt|pi)*", re.ASCII)
Value = Fraction | float

MONEY = ("$", "€", "£", "¥")
MEASURES = {
    "second": {"second", "seconds", "sec", "s"},
    "minute": {"minute", "minutes", "min", "mins"},
    "hour": {"hour", "hours", "hr", "hrs", "h"},
    "day": {"day", "days"},
    "week": {"week", "weeks"},
    "month": {"month", "months"},
    "year": {"year", "years"},
    "millimetre": {"millimetre", "millimetres", "millimeter", "millimeters", "mm"},
    "centimetre": {"centimetre", "centimetres", "centimeter", "centimeters", "cm"},
    "metre": {"metre", "metres", "meter", "meters", "m"},
    "kilometre": {"kilometre", "kilometres", "kilometer", "kilometers", "km"},
    "mile": {"mile", "miles"},
    "inch": {"inch", "inches"},
    "foot": {"foot", "feet", "ft"},
    "gram": {"gram", "grams", "g"},
    "kilogram": {"kilogram", "kilograms", "kg"},
    "litre": {"litre", "litres", "liter", "liters", "l"},
    "millilitre": {"millilitre", "millilitres", "milliliter", "milliliters", "ml"},
    "cent": {"cent", "cents"},
    "$": {"dollar", "dollars"},
    "€": {"euro", "euros"},
}
"""A unit of measure, and the words for it."""

_OPERATIONS: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def final_answer(text: str) -> str:
    """The final answer in a solution: the last \\boxed one, else the text itself or the rest of the last line that
    states an answer, whichever has a value, else the last number of that line or of the text; '' if there is none."""
    if boxed := _boxed(text):
        return boxed
    text = plain(text).strip()
    if value(text) is not None:
        return text
    stated = _STATED.findall(text)
    if stated and value(rest := trimmed(stated[-1])) is not None:
        return str(rest)
    numbers = _LAST.findall(stated[-1] if stated else text) or _LAST.findall(text)
    return str(numbers[-1]) if numbers else ""


def trimmed(answer: str) -> str:
    """An answer without the blanks and asterisks around it and the full stop after it. `.5` keeps its point."""
    return answer.lstrip(" \n*").rstrip(" \n*.")


def gold_of(answer: str) -> str | None:
    """The final answer in a column of answers: after GSM8K's mark, or where a text states it (`x = 12`, `the answer is
    12`, \\boxed{12}); else the text as it stands, such as a date. None if there is none."""
    gold = answer.rpartition(GSM8K)[2].strip()
    if boxed := _boxed(gold):
        return boxed
    stated = value(gold) is None and _STATES.search(gold)
    return (final_answer(gold) if stated else gold) or None


def value(text: str) -> Value | None:
    """The value of an answer such as `1,250`, `3/4`, `1 1/2`, `$5.20`, `12 km`, `25%` (which is 25), `\\frac{3}{4}` or
    `2\\sqrt{3}`; None where it cannot be read, or is longer than LONGEST."""
    if len(text) > LONGEST:
        return None
    expression = in_ascii(_boxed(text) or text).strip().rstrip(".")
    if (unit := _UNIT.match(expression)) and not _NAMED.search(expression):
        expression = unit[1]
    expression = _MIXED.sub(lambda mixed: f"({mixed[1]}{'-' if mixed[1][0] == '-' else '+'}{mixed[2]})", expression)
    return calculated(re.sub(rf"(?<=[\d)])\s*(?={_NAMED.pattern})", "*", expression))


def in_ascii(text: str) -> str:
    """The text with its computations in the signs that `calculated` reads: without LaTeX, money and thousands."""
    text = plain(text)
    while any(pattern.search(text) for pattern, _ in _LATEX):  # the innermost groups first
        for pattern, replacement in _LATEX:
            text = pattern.sub(replacement, text)
    for sign, written in _SIGNS.items():
        text = text.replace(sign, written)
    return _THOUSANDS.sub("", _NOISE.sub("", text))


def calculated(expression: str) -> Value | None:
    """The value of an arithmetic expression of numbers, + - * / **, brackets, `sqrt` and `pi`, exact where that is
    possible; None where it is anything else, divides by zero, is longer than LONGEST, or is too large for a float."""
    if len(expression) > LONGEST or not _ARITHMETIC.fullmatch(expression):
        return None
    try:
        number = _value(ast.parse(expression.strip(), mode="eval").body)
        return number if math.isfinite(number) else None
    except (
        SyntaxError,
        ValueError,
        KeyError,
        ZeroDivisionError,
        OverflowError,
        RecursionError,
        MemoryError,
        TypeError,
    ):
        return None


def same_answer(answer: str, gold: str) -> bool | None:
    """Whether two final answers have the same value; None if one of them cannot be read and their texts differ."""
    if plain(answer).strip().casefold() == plain(gold).strip().casefold() != "":
        return True
    values, units = (value(answer), value(gold)), (measure(answer), measure(gold))
    if values[0] is None or values[1] is None:
        return None
    if None not in units and units[0] != units[1]:
        return False
    return math.isclose(values[0], values[1], rel_tol=EQUAL, abs_tol=EQUAL)


def measure(answer: str) -> str | None:
    """The unit of measure of an answer, such as `minute` of `5 minutes` and `min`; None if it has none that is known.
    What is counted (`5 apples`) is no unit of measure."""
    if any(sign in answer for sign in MONEY):
        return next(sign for sign in MONEY if sign in answer)
    found = re.findall(r"[a-zµ²]+", plain(answer).casefold())
    return next((unit for word in found for unit, forms in MEASURES.items() if word in forms), None)


def reaches(output: str, gold: str) -> bool | None:
    """Whether an output, which may be a whole solution, ends in this answer; None if one of them cannot be read."""
    whole = same_answer(output, gold)
    return same_answer(final_answer(output), gold) if whole is None else whole


def majority(answers: Sequence[str], share: float) -> str | None:
    """The answer on which at least this share of the answers agree, and two of them at least; None if there is none.
    (Self-consistency, Wang et al. 2022, takes the most frequent answer whatever its share.)"""
    votes = [sum(bool(same_answer(answer, other)) for other in answers) for answer in answers]
    most = max(votes, default=0)
    return answers[votes.index(most)] if most >= max(2, share * len(answers)) else None


def _value(node: ast.expr) -> Value:
    """The value of a syntax tree. Raises KeyError or ValueError for anything but arithmetic."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return Fraction(str(node.value))
    if isinstance(node, ast.Name) and node.id == "pi":
        return math.pi
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "sqrt"
        and len(node.args) == 1
    ):
        return _root(_value(node.args[0]))
    if isinstance(node, ast.UnaryOp):
        return _value(node.operand) if isinstance(node.op, ast.UAdd) else -_value(node.operand)
    if isinstance(node, ast.BinOp):
        left, right = _value(node.left), _value(node.right)
        operation = _power if isinstance(node.op, ast.Pow) else _OPERATIONS[type(node.op)]
        return _bounded(operation(left, right))
    raise ValueError("this is not arithmetic")


def _power(base: Value, exponent: Value) -> Value:
    """The power, exact for a whole exponent if it has at most BITS bits. Raises ValueError for a complex one."""
    result: Value | complex = (base if abs(float(exponent)) * _bits(base) <= BITS else float(base)) ** exponent
    if isinstance(result, complex):
        raise ValueError("this power is complex")
    return result


def _bounded(number: Value) -> Value:
    """The number, as a float if it has more than BITS bits. Raises OverflowError if a float cannot hold it."""
    return number if _bits(number) <= BITS else float(number)


def _bits(number: Value) -> int:
    """The bits of the longer part of a fraction; 0 for a float."""
    if isinstance(number, float):
        return 0
    return max(number.numerator.bit_length(), number.denominator.bit_length())


def _root(number: Value) -> Value:
    """The square root; exact for squares. Raises ValueError for a negative number."""
    if isinstance(number, Fraction) and number >= 0:
        roots = math.isqrt(number.numerator), math.isqrt(number.denominator)
        if roots[0] ** 2 == number.numerator and roots[1] ** 2 == number.denominator:
            return Fraction(*roots)
    return math.sqrt(number)


def _boxed(text: str) -> str:
    """The content of the last \\boxed{...}, whose braces may be nested; '' if there is none, or it does not end."""
    start, depth = max((match.end() for match in _BOXED.finditer(text)), default=len(text)), 1
    for place in range(start, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if not depth:
            return text[start:place].strip()
    return ""
