"""Passages: what documents are cut into, each a source."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from optimize.splits import even_shares, spread
from programs.candidate import Source
from programs.text import blank_words
from seedbed.chunks import Chunk, chunk
from seedbed.document import Document

FEWEST_WORDS = 12  # of a passage: one of fewer, such as a lone list item, holds nothing to ask for


def passages(documents: Iterable[Document], copies: Mapping[str, str], tokens: int) -> Iterator[Source]:
    """One source a passage of about so many tokens; `copies` gives the group of a document that has copies."""
    for document in documents:
        group = copies.get(document.name, document.name)
        for piece in chunk(document, tokens):
            if blank_words(piece.text) >= FEWEST_WORDS:
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


def evenly(sources: Sequence[Source], groups: Collection[str], n: int) -> list[Source]:
    """n of the passages of these groups (or all, where there are fewer), as evenly of each group as there are."""
    piles = {group: array("Q") for group in sorted(groups)}  # of places among the sources
    for place, source in enumerate(sources):
        if source.group in piles:
            piles[source.group].append(place)
    shares = even_shares([len(pile) for pile in piles.values()], n)
    picked = (spread(pile, share) for pile, share in zip(piles.values(), shares, strict=True))
    return [sources[place] for places in picked for place in places]
