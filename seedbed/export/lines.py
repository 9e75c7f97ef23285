"""Writes the lines of each split, and beside each line where it comes from."""

import contextlib
import hashlib
import random
import shutil
from pathlib import Path
from typing import IO, Any

import orjson

from seedbed.export.example import Example
from seedbed.export.format import Columns, Line

PROVENANCE = "provenance.jsonl"  # no name that `datasets` would take for one of a split


class Lines:
    """The files of an export in a folder: SPLIT.jsonl, and provenance.jsonl, which has a line for each of theirs, those
    of train first. Close it at the end.

    Attributes:
        counts: lines by split. repeated: lines that were left out because they are there already. bad: those of
        rejected candidates.
    """

    def __init__(self, folder: Path) -> None:
        self.counts, self.repeated, self.bad = dict[str, int](), 0, 0
        self._folder, self._stack, self._files = (
            folder,
            contextlib.ExitStack(),
            dict[str, tuple[IO[bytes], IO[bytes]]](),
        )
        self._seen = set[bytes]()

    def add(self, line: Line, example: Example, columns: type[Columns]) -> bool:
        """Write a line; False if it is there already. Raises pydantic's ValidationError if it has other columns than
        the format."""
        columns.model_validate(line)
        content = orjson.dumps(line)
        key = hashlib.blake2b(content, digest_size=8).digest()
        if key in self._seen:
            self.repeated += 1
            return False
        self._seen.add(key)
        rows, provenance = self._files_of(example.split)
        rows.write(content + b"\n")
        provenance.write(orjson.dumps(_provenance(example)) + b"\n")
        self.counts[example.split] = self.counts.get(example.split, 0) + 1
        self.bad += not example.good
        return True

    def close(self, shuffle: int | None = None) -> None:
        """Close the files. `shuffle`: a seed for the order of the lines; None keeps that of the run."""
        self._stack.close()
        for split, count in self.counts.items() if shuffle is not None else ():
            order = random.Random(f"{shuffle} {split}").sample(range(count), count)
            for path in _paths(self._folder, split):
                _reorder(path, order)
        with (self._folder / PROVENANCE).open("wb") as target:
            for _, aside in (_paths(self._folder, split) for split in sorted(self.counts)):
                with aside.open("rb") as origin:
                    shutil.copyfileobj(origin, target)
                aside.unlink()

    def _files_of(self, split: str) -> tuple[IO[bytes], IO[bytes]]:
        if split not in self._files:
            rows, provenance = (self._stack.enter_context(path.open("wb")) for path in _paths(self._folder, split))
            self._files[split] = rows, provenance
        return self._files[split]


def _paths(folder: Path, split: str) -> tuple[Path, Path]:
    return folder / f"{split}.jsonl", folder / f".{split}.{PROVENANCE}"


def _provenance(example: Example) -> dict[str, Any]:
    of = {"id": example.id, "split": example.split, "run": example.run, "accepted": example.good}
    return of | {"lineage": dict(example.lineage)}


def _reorder(path: Path, order: list[int]) -> None:
    """Write the lines of a file in another order, without holding them all."""
    starts, aside = [0], path.with_suffix(".part")
    with path.open("rb") as file:
        starts += [file.tell() for _ in iter(file.readline, b"")]
        with aside.open("wb") as target:
            for number in order:
                file.seek(starts[number])
                target.write(file.readline())
    aside.replace(path)
