"""Cuts documents into windows of one to three passages, each a source."""

import dataclasses
import itertools
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence

from programs.core.row import Source
from seedbed.config.catalogue import PassageForm
from seedbed.sources.chunks import Chunk
from seedbed.sources.passages import of_documents, pieces, source_of
from seedbed.sources.reading.document import Document
from seedbed.sources.remarks import Remarks
from seedbed.sources.source_set import Request, SourceSet

SIZES = (1, 2, 3)  # passages in a window


def read_windows(request: Request) -> SourceSet:
    """One source per window of the documents. Raises UserError as `of_documents`."""
    return of_documents(request, windows)


def windows(
    documents: Iterable[Document], copies: Mapping[str, str], form: PassageForm, shortest: int, skipped: Remarks
) -> Iterator[Source]:
    """One source per window: 1 to 3 consecutive passages of a document, with the text between them. Windows do not
    overlap, and every passage is in one. The arguments are those of `passages`."""
    for document in documents:
        passages, start = list(pieces(document, form, shortest, skipped)), 0
        for size in _sizes(len(passages), document.hash):
            window = _joined(document, passages[start : start + size])
            yield source_of(window, copies.get(document.name, document.name), form.headings)
            start += size


def _sizes(passages: int, key: str) -> Iterator[int]:
    """The sizes of a document's windows, whose sum is the number of its passages. Each is one that the document has the
    fewest of, and chance decides between equals. It depends on the document alone, so that a new document changes no
    window of the others."""
    chance, counts = random.Random(key), dict.fromkeys(SIZES, 0)
    while passages:
        size = min((size for size in SIZES if size <= passages), key=lambda size: (counts[size], chance.random()))
        counts[size] += 1
        passages -= size
        yield size


def _joined(document: Document, passages: Sequence[Chunk]) -> Chunk:
    """One chunk from the start of the first passage to the end of the last, with the headings above all of it."""
    first, last = passages[0], passages[-1]
    levels = zip(*(passage.headings for passage in passages), strict=False)
    headings = [titles[0] for titles in itertools.takewhile(lambda titles: len(set(titles)) == 1, levels)]
    return dataclasses.replace(
        first, end=last.end, text=document.text[first.start : last.end], headings=tuple(headings)
    )
