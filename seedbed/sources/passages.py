"""Cuts documents into passages, each a source."""

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from optimize.splits import even_shares, spread
from programs.core.row import Source, digest
from programs.core.text import blank_words
from seedbed.config.catalogue import PassageForm
from seedbed.errors import NoPassage, UserError
from seedbed.sources.chunks import Chunk, chunk
from seedbed.sources.copies import copies as find_copies
from seedbed.sources.documents import read_documents
from seedbed.sources.reading.document import Document
from seedbed.sources.remarks import Remarks
from seedbed.sources.source_set import Request, SourceSet
from seedbed.storage.disk_list import DiskList

Cut = Callable[[Iterable[Document], Mapping[str, str], PassageForm, int, Remarks], Iterator[Source]]
"""(documents, copies, form, shortest, skipped) -> their sources."""


def read_passages(request: Request) -> SourceSet:
    """One source per passage of the documents. Raises UserError as `of_documents`."""
    return of_documents(request, passages)


def of_documents(request: Request, cut: Cut) -> SourceSet:
    """The documents of `sources.documents`, cut into sources. Raises UserError if that names none, or if no document
    can be read; NoPassage if no source comes of them."""
    settings, base = request.config.sources, request.base
    if settings.documents is None:
        raise UserError(
            f"{request.recipe.name} starts from documents, but sources.documents names none.",
            hint="Name a folder under sources: documents:, or set sources: {invent: true}.",
        )
    cache = base / ".seedbed" / "texts.sqlite"
    reading = read_documents(settings.documents, base, text=settings.text, split=settings.split, cache=cache)
    copies = find_copies(reading.documents)
    sources = DiskList(cut(reading.documents, copies, request.config.passages, settings.shortest, reading.skipped))
    if not sources:
        raise NoPassage(f"No passage could be made of the sources: {'; '.join(reading.skipped.lines()[:5])}.")
    return SourceSet(sources, reading.skipped, reading.notes, len(reading.documents), copies)


def passages(
    documents: Iterable[Document], copies: Mapping[str, str], form: PassageForm, shortest: int, skipped: Remarks
) -> Iterator[Source]:
    """One source per passage; `copies` gives the group of a document that has copies. Pieces of fewer than `shortest`
    words go to `skipped`."""
    for document in documents:
        group = copies.get(document.name, document.name)
        for piece in pieces(document, form, shortest, skipped):
            yield source_of(piece, group, form.headings)


def pieces(document: Document, form: PassageForm, shortest: int, skipped: Remarks) -> Iterator[Chunk]:
    """The passages of a document in their order; pieces of fewer than `shortest` words go to `skipped`."""
    for piece in chunk(document, form.tokens, shortest):
        if blank_words(piece.text) >= shortest:
            yield piece
        else:
            place = f" at {piece.start}" if len(piece.text) < len(document.text) else ""
            skipped.add(f"{document.name}{place}", f"fewer than {shortest} words (sources.shortest)")


def source_of(piece: Chunk, group: str, headings: bool) -> Source:
    """The source of a piece. `lead` is the text before the piece in the prompt: headings, and the header of a table."""
    lead = [" > ".join(piece.headings)] if headings and piece.headings else []
    lead += [piece.header] if piece.header else []
    before = "".join(f"{line}\n" for line in lead)
    origin = {
        "document": piece.document,
        "start": piece.start,
        "end": piece.end,
        "text_hash": piece.text_hash,
        "headings": list(piece.headings),
        **({"lead": before} if before else {}),
    }
    return Source(
        id=digest(piece.id, before) if before else piece.id,
        group=group,
        inputs={"document": before + piece.text},
        origin=origin,
    )


def evenly(sources: Sequence[Source], groups: Collection[str], n: int) -> list[Source]:
    """Pick n sources of these groups (or all, if there are fewer), as evenly from each group as possible."""
    piles = {group: array("Q") for group in sorted(groups)}  # indexes of its sources
    for place, source in enumerate(sources):
        if source.group in piles:
            piles[source.group].append(place)
    shares = even_shares([len(pile) for pile in piles.values()], n)
    picked = (spread(pile, share) for pile, share in zip(piles.values(), shares, strict=True))
    return [sources[place] for places in picked for place in places]
