"""Reading labelled lines: every bad line at once, each with its file, line, field and what was expected."""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Line = TypeVar("Line", bound=BaseModel)


class BadLines(ValueError):
    """A file of labelled lines that cannot be used; `problems` names each, as `file:line: field: what`."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        super().__init__(f"{path.name}: {len(problems)} problem{'s' * (len(problems) != 1)}")
        self.problems = list(problems)


def read_lines(path: Path, parse: Callable[[bytes], Line], data: bytes | None = None) -> list[Line]:
    """The labelled lines of a JSONL file, each read by `parse` (a pydantic model's `model_validate_json`); the objects
    of a JSON array, or written over several lines, are such lines too.

    `data` is what is in the file, as UTF-8, where that is known.
    Raises BadLines for any bad or doubled line, OSError where the file is unreadable.
    """
    lines: list[Line] = []
    problems: dict[str, list[int]] = {}
    first: dict[str, int] = {}
    for number, raw in _objects(path, path.read_bytes() if data is None else data):
        try:
            line = parse(raw)
        except ValidationError as error:
            for said in _said(error):
                problems.setdefault(said, []).append(number)
            continue
        if (id := getattr(line, "id", "")) and first.setdefault(id, number) != number:
            problems.setdefault(f"id: {id!r} stands on line {first[id]} already", []).append(number)
        lines.append(line)
    if not lines and not problems:
        problems["the file holds no lines"] = [1]
    if problems:
        told = sorted(problems.items(), key=lambda problem: problem[1])
        raise BadLines(path, [f"{path}:{numbers[0]}: {said}{_others(numbers)}" for said, numbers in told])
    return lines


def _objects(path: Path, data: bytes) -> list[tuple[int, bytes]]:
    """The file's objects, each with the line it begins on. Raises BadLines, in a sentence, for another shape."""
    raw = data.removeprefix(codecs.BOM_UTF8)
    lines = [(number, line) for number, line in enumerate(raw.splitlines(), 1) if line.strip()]
    if not lines or not (lines[0][1].lstrip().startswith(b"[") or lines[0][1].strip() == b"{"):
        return lines
    try:
        values = list(_values(raw.decode()))
    except ValueError as error:
        what = "a JSON array" if lines[0][1].lstrip().startswith(b"[") else "an object over several lines"
        raise _one(path, f"this begins as {what} and breaks off ({error})") from error
    if len(values) == 1 and isinstance(values[0][1], dict):
        lists = [key for key, value in values[0][1].items() if isinstance(value, list) and value]
        if lists and isinstance(values[0][1][lists[0]][0], dict):
            raise BadLines(
                path, [f"{path}: this is one object, with a list under {lists[0]!r}; write one object a line"]
            )
    objects = [(line, item) for line, value in values for item in (value if isinstance(value, list) else [value])]
    if all(line == objects[0][0] for line, _ in objects):  # of an array only the number of an item tells where it is
        objects = [(number, item) for number, (_, item) in enumerate(objects, 1)]
    return [(number, json.dumps(item, ensure_ascii=False).encode()) for number, item in objects]


def _one(path: Path, what: str) -> BadLines:
    return BadLines(path, [f"{path}: {what}; write one object a line"])


def _values(text: str) -> Iterator[tuple[int, Any]]:
    """The JSON values that stand in a text one after another, each with its line. Raises ValueError."""
    decoder, place = json.JSONDecoder(), 0
    while match := re.compile(r"\s*(?=\S)").match(text, place):
        value, place = decoder.raw_decode(text, match.end())
        yield 1 + text.count("\n", 0, match.end()), value


def _others(numbers: Sequence[int]) -> str:
    """On how many further lines the same is wrong."""
    more = len(numbers) - 1
    return f" (and on {more} more line{'s' * (more != 1)})" if more else ""


def _said(error: ValidationError) -> list[str]:
    """What is wrong with a line; all keys that it may not have at once."""
    problems = error.errors(include_url=False, include_context=False)
    further = [str(problem["loc"][-1]) for problem in problems if problem["type"] == "extra_forbidden"]
    said = [f"no such key here: {', '.join(further)}; leave it out, or mend its name"] if further else []
    return said + [
        f"{'.'.join(map(str, problem['loc'])) or 'the line'}: {problem['msg'][0].lower()}{problem['msg'][1:]}"
        for problem in problems
        if problem["type"] != "extra_forbidden"
    ]
