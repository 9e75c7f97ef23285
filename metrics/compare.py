"""Comparators: how near a step's output is to a person's label, in [0, 1]. A recipe names one a step."""

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any, get_args

from metrics.evidence import likeness
from programs.core.embedding import Embed, EmbeddedTexts, ahead
from programs.core.mathematics import reaches
from programs.core.text import f1, plain

ON_TEXTS = frozenset({"like", "near"})  # the comparators that embed


def like(output: str, label: str, embed: Embed) -> float:
    """For a text with one right wording or few: the geometric mean of word F1 and cosine, so both must be high."""
    return float((f1(output, label) * likeness(embed, output, label)) ** 0.5)


def near(output: str, label: str, embed: Embed) -> float:
    """For a text of which many are right: the cosine."""
    return likeness(embed, output, label)


def same(output: Any, label: Any) -> float:
    """For a class: 1 if both are the same, whatever their case."""
    return float(plain(str(output)).strip().casefold() == plain(str(label)).strip().casefold())


def grade(output: float, label: float, grades: Sequence[float]) -> float:
    """For one of several `grades`: 1 less their distance as a share of the range."""
    return 1 - abs(float(output) - float(label)) / (max(grades) - min(grades))


def answer(output: str, label: str) -> float:
    """For a number or a mathematical expression: 1 if the values are equal. The output may be a whole solution."""
    return float(bool(reaches(str(output), str(label))))


def steps(outputs: Sequence[Any], labels: Sequence[Any]) -> float:
    """For a label on each step of a solution: half for the share of equal labels, and half for the first step that is
    not positive, whose place decides what a search keeps (Lightman et al. 2023, section 2.4)."""
    if not outputs or not labels:
        return float(len(outputs) == len(labels))
    equal = sum(a == b for a, b in zip(outputs, labels, strict=False)) / max(len(outputs), len(labels))
    return (equal + (_first_error(outputs) == _first_error(labels))) / 2


def calls(outputs: Sequence[Any], labels: Sequence[Any]) -> float:
    """For calls of tools, each with `name` and `arguments`: the F1 of the two sets, in any order."""
    return _set_f1([_canonical(call) for call in outputs], [_canonical(call) for call in labels])


def order(outputs: Sequence[Any], labels: Sequence[Any]) -> float:
    """For a ranking: Kendall's tau, scaled to [0, 1] (0.5 is chance). Items that the output lacks come last."""
    if len(labels) < 2:
        return float(list(outputs) == list(labels))
    places = {item: place for place, item in enumerate(outputs)}
    pairs = [*itertools.combinations([places.get(item, len(places)) for item in labels], 2)]
    return sum((a < b) + (a == b) / 2 for a, b in pairs) / len(pairs)


def members(outputs: Sequence[Any], labels: Sequence[Any]) -> float:
    """For a set: F1 of its members, whatever their case."""
    return _set_f1(*([plain(str(item)).strip().casefold() for item in items] for items in (outputs, labels)))


COMPARATORS: dict[str, Callable[..., float]] = {
    comparator.__name__: comparator for comparator in (like, near, same, grade, answer, steps, calls, order, members)
}


async def compare(comparator: str, output: Any, label: Any, *, embed: Embed, annotation: Any = str) -> float:
    """The likeness of an output and a label by the comparator of this name, in [0, 1].

    `annotation`: the type of the output field; `grade` takes its range from it (a Literal of numbers). Raises KeyError
    for an unknown comparator.
    """
    if comparator in ON_TEXTS:
        texts: EmbeddedTexts = await ahead(embed, [str(output), str(label)])
        return COMPARATORS[comparator](str(output), str(label), texts)
    if comparator == "grade":
        return grade(output, label, get_args(annotation))
    return COMPARATORS[comparator](output, label)


def _first_error(ratings: Sequence[Any]) -> int | None:
    """The place of the first step that is not positive: its rating is -1 or 0, its label is false."""
    return next((place for place, rating in enumerate(ratings) if rating in (-1, 0, False)), None)


def _canonical(call: Any) -> str:
    name, arguments = (call[key] if isinstance(call, dict) else getattr(call, key) for key in ("name", "arguments"))
    return json.dumps([name, arguments], sort_keys=True, ensure_ascii=False, default=str)


def _set_f1(outputs: Sequence[str], labels: Sequence[str]) -> float:
    first, second = set(outputs), set(labels)
    if not first and not second:
        return 1.0
    return 2 * len(first & second) / (len(first) + len(second))
