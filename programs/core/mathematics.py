"""Answers that are numbers: finding the final one in a text, reading its value, and comparing two.

SymPy's reader of LaTeX needs an ANTLR runtime of one exact version, so the few notations that final answers use are
read here: fractions, roots, powers, percent, money, thousands, units, and the frame of \\boxed.
"""

import ast
import math
import operator
import re
from collections.abc import Callable
from fractions import Fraction

from programs.core.text import plain

EQUAL = 1e-6  # the relative difference up to which two values are equal
LARGEST, BITS = 10**6, 4096  # of a base or exponent, and of a power: beyond, the value may fill the memory

_NUMBER = r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?|-?\.\d+"
_LAST = re.compile(rf"(?:{_NUMBER})\s?%?")
_STATED = re.compile(r"(?:answer|result|total)(?:\s+is)?\s*[:=]?\s*([^\n]+)$", re.IGNORECASE | re.MULTILINE)
_GROUP = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
_BOXED = re.compile(rf"\\boxed\s*{_GROUP}")
_FRACTION = re.compile(rf"\\[dt]?frac\s*{_GROUP}\s*{_GROUP}")
_ROOT = re.compile(rf"\\sqrt\s*{_GROUP}")
_SIGNS = {"\\times": "*", "\\cdot": "*", "\\div": "/", "×": "*", "÷": "/", "·": "*", "^": "**", "−": "-", "\\pi": "pi"}
_NOISE = re.compile(r"\\(?:left|right|text|mathrm|,|;|!|\$|%)|[$£€¥\\{}]|(?<=\d),(?=\d{3})")
_MIXED = re.compile(r"^(-?\d+)\s+(\d+/\d+)$")
_UNIT = re.compile(r"^\s*([-+\d.*/() ]*\d\)?)\s*(?:%|°?\s?[A-Za-z][A-Za-z./² ³°'-]*)\.?$")
Value = Fraction | float

_OPERATIONS: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def final_answer(text: str) -> str:
    """The final answer in a solution: the last \\boxed one, else the rest of the last line that states an answer, else
    the last number; '' if there is none."""
    if boxed := _BOXED.findall(text):
        return str(boxed[-1]).strip()
    stated = _STATED.findall(plain(text))
    numbers = _LAST.findall(stated[-1] if stated else plain(text)) or _LAST.findall(plain(text))
    return str(numbers[-1]).strip() if numbers else ""


def value(text: str) -> Value | None:
    """The value of an answer such as `1,250`, `3/4`, `1 1/2`, `$5.20`, `12 km`, `25%` (which is 25), `\\frac{3}{4}` or
    `2\\sqrt{3}`; None where it cannot be read."""
    expression = plain(text).strip().rstrip(".")
    while match := _BOXED.search(expression):
        expression = match[1]
    for pattern, replacement in ((_FRACTION, r"((\1)/(\2))"), (_ROOT, r"sqrt(\1)")):
        while pattern.search(expression):
            expression = pattern.sub(replacement, expression)
    for sign, written in _SIGNS.items():
        expression = expression.replace(sign, written)
    expression = _NOISE.sub("", expression).strip()
    expression = _MIXED.sub(lambda mixed: f"({mixed[1]}{'-' if mixed[1][0] == '-' else '+'}{mixed[2]})", expression)
    expression = re.sub(r"(?<=[\d)])\s*(?=sqrt|pi)", "*", expression)
    if (unit := _UNIT.match(expression)) and "sqrt" not in expression and "pi" not in expression:
        expression = unit[1]
    return calculated(expression)


def calculated(expression: str) -> Value | None:
    """The value of an arithmetic expression of numbers, + - * / **, brackets, `sqrt` and `pi`, exact where that is
    possible; None where it is anything else, or divides by zero."""
    try:
        return _value(ast.parse(expression.strip(), mode="eval").body)
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
    values = value(answer), value(gold)
    if values[0] is None or values[1] is None:
        return None
    return math.isclose(values[0], values[1], rel_tol=EQUAL, abs_tol=EQUAL)


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
        return _power(left, right) if isinstance(node.op, ast.Pow) else _OPERATIONS[type(node.op)](left, right)
    raise ValueError("this is not arithmetic")


def _power(base: Value, exponent: Value) -> Value:
    """The power, as a float unless both are whole. Raises ValueError for a complex or a very large one."""
    size, times = abs(float(base)), abs(float(exponent))
    if max(size, times) > LARGEST or times * math.log2(max(size, 2)) > BITS:
        raise ValueError("this power is too large")
    result: Value | complex = base**exponent
    if isinstance(result, complex):
        raise ValueError("this power is complex")
    return result


def _root(number: Value) -> Value:
    """The square root; exact for squares. Raises ValueError for a negative number."""
    if isinstance(number, Fraction) and number >= 0:
        roots = math.isqrt(number.numerator), math.isqrt(number.denominator)
        if roots[0] ** 2 == number.numerator and roots[1] ** 2 == number.denominator:
            return Fraction(*roots)
    return math.sqrt(number)
