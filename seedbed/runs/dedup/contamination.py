"""Refuses rows that give away a benchmark: they contain most words of a test item."""

import contextlib
import textwrap
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from programs.core.row import Candidate, Drop
from programs.core.text import words
from seedbed.errors import Unreadable, UserError
from seedbed.sources.finding import HF, TABLES, find_documents
from seedbed.sources.reading.texts import Texts
from seedbed.sources.tables import dataset_rows, table_rows

CONTAMINATION = "contamination"  # the step that rejects a row which gives a test set away
GRAM = 8  # words; Tülu 3's figure
SHARE = 0.5  # of an item's words, above which a row is refused; Tülu 3's figure
TEMPLATE = 10  # rows of a set with the same text at most; a text in more rows is a template and no item
MIX = np.random.default_rng(8).integers(1 << 63, size=GRAM, dtype=np.uint64) | np.uint64(1)
NOWHERE = np.zeros(0, dtype=np.int64)
QUOTED = 200  # characters of the shared words

_Numbers = npt.NDArray[np.uint64]


class Contamination:
    """Benchmark test sets, and the check whether a row contains one of their items.

    The rule is Tülu 3's (Lambert et al. 2024, section 3.2): a word of a test item is matched if it is in a run of
    8 words that the row has too, and a row is contaminated if it matches more than half the words of an item.
    GPT-3's rule, any run of 13 words (Brown et al. 2020, appendix C), refuses a row for one quoted sentence of a
    passage that a test asks about, and misses a question of 12 words or one with a word changed in its middle.
    The limit of 10 is from the same appendix: a text in more rows of a set is a template.

    An item is one text of a test row: its question, its answer, each of its choices; in a file that is no table, a
    line. An item of fewer than 8 words must be the whole prompt or topic of a row, because texts such as "true or
    false" and "Paris" are parts of many rows. A row's prompt and response are checked, but not its document: that is
    the user's own, and only what the teacher writes can give a test away.

    Args:
        test_sets: the entries of gates.test_sets: files, folders and globs from `base`, and `hf://owner/name`, whose
        split `test` is read. Raises UserError, which names the entry, for one that cannot be read.
    """

    def __init__(self, test_sets: Sequence[str], base: Path) -> None:
        self._numbers: dict[str, int] = {}  # word -> its number, from 1
        self._short: dict[str, str] = {}  # item of fewer than GRAM words -> its place
        self._names: list[str] = []  # the place of each longer item
        numbers, starts = array("Q"), array("Q", [0])
        for where, text in _items(test_sets, base):
            item = words(text)
            if len(item) < GRAM:
                self._short.setdefault(" ".join(item), where)
            else:
                numbers.extend(self._numbers.setdefault(word, len(self._numbers) + 1) for word in item)
                starts.append(len(numbers))
                self._names.append(where)
        self._item_words: _Numbers = np.array(numbers, dtype=np.uint64)
        self._starts = np.array(starts, dtype=np.int64)
        self._words = ["", *self._numbers]
        self._index()

    def _index(self) -> None:
        """Hash all runs of GRAM words within an item; store the sorted hashes and the place of each run."""
        hashes = _hashes(self._item_words)
        ends = self._starts[np.searchsorted(self._starts, np.arange(len(hashes)), side="right")]
        within = np.flatnonzero(np.arange(len(hashes)) + GRAM <= ends)
        order = np.argsort(hashes[within], kind="stable")
        self._places = within[order]
        self._hashes = hashes[within[order]]

    def refusal(self, candidate: Candidate) -> Drop | None:
        """Why a row gives a test set away; None where it does not."""
        for short in (" ".join(words(text)) for text in (candidate.prompt, candidate.novelty_key)):
            if short and short in self._short:
                return _drop(self._short[short], 1.0, short)
        matched = np.unique(np.concatenate([self._matched(words(text)) for text in candidate.texts()]))
        return self._worst(matched) if len(matched) else None

    def _matched(self, text: list[str]) -> npt.NDArray[np.int64]:
        """The places in the items' words that are in a run shared with this text; a place may come more than once."""
        if len(text) < GRAM or not len(self._hashes):
            return NOWHERE
        numbers = np.array([self._numbers.get(word, 0) for word in text], dtype=np.uint64)
        hashes = _hashes(numbers)
        starts = np.searchsorted(self._hashes, hashes)
        runs = np.flatnonzero(self._hashes.take(starts, mode="clip") == hashes)
        if not len(runs):
            return NOWHERE
        ends = np.searchsorted(self._hashes, hashes[runs], side="right")
        matches = [self._places[start:end] for start, end in zip(starts[runs], ends, strict=True)]
        places = np.concatenate(matches)[:, None] + np.arange(GRAM)
        ours = np.repeat(runs, [len(match) for match in matches])[:, None] + np.arange(GRAM)
        same = (self._item_words[places] == numbers[ours]).all(axis=1)  # not only by a collision of hashes
        return places[same].ravel()

    def _worst(self, matched: npt.NDArray[np.int64]) -> Drop | None:
        """The refusal for the item with the largest share of matched words, if the share is too large."""
        owners = np.searchsorted(self._starts, matched, side="right") - 1
        items, counts = np.unique(owners, return_counts=True)
        shares = counts / np.diff(self._starts)[items]
        worst = int(np.argmax(shares))
        if shares[worst] <= SHARE:
            return None
        shared = self._item_words[matched[owners == items[worst]]]
        return _drop(self._names[items[worst]], shares[worst], " ".join(self._words[number] for number in shared))


def _hashes(numbers: _Numbers) -> _Numbers:
    """A hash of each run of GRAM numbers."""
    return np.convolve(numbers, MIX, "valid") if len(numbers) >= GRAM else numbers[:0]


def _drop(where: str, share: float, shared: str) -> Drop:
    detail = f"{share:.0%} of the words of {where}: {textwrap.shorten(shared, QUOTED, placeholder=' ...')!r}"
    return Drop(step=CONTAMINATION, reason="in a test set", detail=detail)


def _items(test_sets: Sequence[str], base: Path) -> Iterator[tuple[str, str]]:
    """Each item once, as (place, text); the place is the set's name and the row's number, from 1."""
    for name, rows in _sets(test_sets, base):
        texts = [list(dict.fromkeys(_texts(row))) for row in rows]
        counts = Counter(text for row in texts for text in row)
        if not counts:
            raise _unreadable(name, "there is no text in it")
        first = {text: number for number, row in reversed([*enumerate(texts, 1)]) for text in row}
        yield from ((f"{name}#{first[text]}", text) for text, count in counts.items() if count <= TEMPLATE)


def _sets(test_sets: Sequence[str], base: Path) -> Iterator[tuple[str, list[Any]]]:
    """The name and rows of every set; a file that is no table gives its lines as rows."""
    with contextlib.closing(Texts(base / ".seedbed" / "texts.sqlite")) as texts:
        for entry in test_sets:
            if entry.startswith(HF):
                yield entry, list(dataset_rows(entry, "test"))
                continue
            for path in find_documents(entry, base):
                name = path.relative_to(base).as_posix() if path.is_relative_to(base) else str(path)
                yield name, _rows(path, name, texts)


def _rows(path: Path, name: str, texts: Texts) -> list[Any]:
    """The rows of a file. Raises UserError where the file or a row cannot be read."""
    try:
        table = path.suffix.lower() in TABLES
        rows: list[Any] = list(table_rows(path, texts)) if table else texts.document(path, name).text.splitlines()
    except Unreadable as error:
        raise _unreadable(name, str(error)) from error
    if bad := [number for number, row in enumerate(rows, 1) if row == {}]:
        raise _unreadable(name, f"row {bad[0]} is not a JSON object")
    return rows


def _texts(value: Any) -> Iterator[str]:
    """The texts in a row, at any depth, that have a word."""
    if isinstance(value, str):
        if words(value):
            yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _unreadable(name: str, reason: str) -> UserError:
    return UserError(
        f"The test set {name} could not be read: {reason}", hint="Fix it, or remove it from gates.test_sets."
    )
