"""Passages: what documents are cut into, each a source."""

from collections.abc import Iterable, Iterator, Mapping

from programs.candidate import Source
from seedbed.chunks import Chunk, chunk
from seedbed.document import Document

FEWEST_WORDS = 12  # of a passage: one of fewer, such as a lone list item, holds nothing to ask for


def passages(documents: Iterable[Document], copies: Mapping[str, str], tokens: int) -> Iterator[Source]:
    """One source a passage of about so many tokens; `copies` gives the group of a document that has copies."""
    for document in documents:
        group = copies.get(document.name, document.name)
        for piece in chunk(document, tokens):
            if len(piece.text.split()) >= FEWEST_WORDS:
                yield _source(piece, group)


def _source(piece: Chunk, group: str) -> Source:
    return Source(
        id=piece.id,
        group=group,
        inputs={"document": piece.text},
        origin={
            "document": piece.document,
            "start": piece.start,
            "end": piece.end,
            "text_hash": piece.text_hash,
            "headings": list(piece.headings),
        },
    )
