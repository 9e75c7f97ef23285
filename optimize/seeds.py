"""Reading labelled lines: every bad line at once, each with its file, line, field and what was expected."""

import codecs
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

Line = TypeVar("Line", bound=BaseModel)


class BadLines(ValueError):
    """A file of labelled lines that cannot be used; `problems` names each, as `file:line: field: what`."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        super().__init__(f"{path.name}: {len(problems)} problem{'s' * (len(problems) != 1)}")
        self.problems = list(problems)


def read_lines(path: Path, parse: Callable[[bytes], Line], data: bytes | None = None) -> list[Line]:
    """The labelled lines of a JSONL file, each read by `parse` (a pydantic model's `model_validate_json`).

    `data` is what is in the file, as UTF-8, where that is known.
    Raises BadLines for any bad or doubled line, OSError where the file is unreadable.
    """
    lines: list[Line] = []
    problems: list[str] = []
    first: dict[str, int] = {}
    data = path.read_bytes() if data is None else data
    for number, raw in enumerate(data.removeprefix(codecs.BOM_UTF8).splitlines(), 1):
        if not raw.strip():
            continue
        try:
            line = parse(raw)
        except ValidationError as error:
            problems += [f"{path}:{number}: {said}" for said in _said(error)]
            continue
        if (id := getattr(line, "id", "")) and first.setdefault(id, number) != number:
            problems.append(f"{path}:{number}: id: {id!r} stands on line {first[id]} already")
        lines.append(line)
    if not lines and not problems:
        problems.append(f"{path}:1: the file holds no lines")
    if problems:
        raise BadLines(path, problems)
    return lines


def _said(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(map(str, problem['loc'])) or 'the line'}: {problem['msg'][0].lower()}{problem['msg'][1:]}"
        for problem in error.errors(include_url=False, include_context=False)
    ]
