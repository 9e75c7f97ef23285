"""Reads labelled lines, and reports all bad lines at once: each with its file, line, field and the problem."""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Line = TypeVar("Line", bound=BaseModel)


class BadLines(ValueError):
    """A file of labelled lines that cannot be used. `problems` lists all problems, as `file:line: field: problem`."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        super().__init__(f"{path.name}: {len(problems)} problem{'s' * (len(problems) != 1)}")
        self.problems = list(problems)


def read_lines(path: Path, parse: Callable[[bytes], Line], data: bytes | None = None) -> list[Line]:
    """Read the labelled lines of a JSONL file, each with `parse` (a pydantic model's `model_validate_json`). Objects of
    a JSON array, and objects that span several lines, count as lines too.

    `data`: the content of the file, as UTF-8, if it is known.
    Raises BadLines for bad lines and repeated ids, OSError where the file is unreadable.
    """
    lines: list[Line] = []
    problems: dict[str, list[int]] = {}
    first: dict[str, int] = {}
    for number, raw in _objects(path, path.read_bytes() if data is None else data):
        try:
            line = parse(raw)
        except ValidationError as error:
            for problem in _problems(error):
                problems.setdefault(problem, []).append(number)
            continue
        if (id := getattr(line, "id", "")) and first.setdefault(id, number) != number:
            problems.setdefault(f"id: {id!r} stands on line {first[id]} already", []).append(number)
        lines.append(line)
    if not lines and not problems:
        problems["the file holds no lines"] = [1]
    if problems:
        ordered = sorted(problems.items(), key=lambda item: item[1])
        raise BadLines(path, [f"{path}:{numbers[0]}: {problem}{_repeats(numbers)}" for problem, numbers in ordered])
    return lines


def _objects(path: Path, data: bytes) -> list[tuple[int, bytes]]:
    """The file's objects, each with the line where it begins. Raises BadLines for a file of another shape."""
    raw = data.removeprefix(codecs.BOM_UTF8)
    lines = [(number, line) for number, line in enumerate(raw.splitlines(), 1) if line.strip()]
    if not lines or not (lines[0][1].lstrip().startswith(b"[") or lines[0][1].strip() == b"{"):
        return lines
    try:
        values = list(_values(raw.decode()))
    except ValueError as error:
        shape = "a JSON array" if lines[0][1].lstrip().startswith(b"[") else "an object over several lines"
        raise _bad_file(path, f"this begins as {shape} and breaks off ({error})") from error
    if len(values) == 1 and isinstance(values[0][1], dict):
        lists = [key for key, value in values[0][1].items() if isinstance(value, list) and value]
        if lists and isinstance(values[0][1][lists[0]][0], dict):
            raise _bad_file(path, f"this is one object, with a list under {lists[0]!r}")
    objects = [(line, item) for line, value in values for item in (value if isinstance(value, list) else [value])]
    # The items of an array have no lines of their own, so they are numbered instead.
    if all(line == objects[0][0] for line, _ in objects):
        objects = [(number, item) for number, (_, item) in enumerate(objects, 1)]
    return [(number, json.dumps(item, ensure_ascii=False).encode()) for number, item in objects]


def _bad_file(path: Path, problem: str) -> BadLines:
    return BadLines(path, [f"{path}: {problem}; write one object a line"])


def _values(text: str) -> Iterator[tuple[int, Any]]:
    """The consecutive JSON values of a text, each with its line. Raises ValueError."""
    decoder, place = json.JSONDecoder(), 0
    while match := re.compile(r"\s*(?=\S)").match(text, place):
        value, place = decoder.raw_decode(text, match.end())
        yield 1 + text.count("\n", 0, match.end()), value


def _repeats(numbers: Sequence[int]) -> str:
    """A remark on how many more lines have the same problem."""
    more = len(numbers) - 1
    return f" (and on {more} more line{'s' * (more != 1)})" if more else ""


def _problems(error: ValidationError) -> list[str]:
    """The problems of a line; all unknown keys are one problem."""
    problems = error.errors(include_url=False, include_context=False)
    unknown = [str(problem["loc"][-1]) for problem in problems if problem["type"] == "extra_forbidden"]
    remarks = [f"no such key here: {', '.join(unknown)}; leave it out, or mend its name"] if unknown else []
    return remarks + [
        f"{'.'.join(map(str, problem['loc'])) or 'the line'}: {problem['msg'][0].lower()}{problem['msg'][1:]}"
        for problem in problems
        if problem["type"] != "extra_forbidden"
    ]
