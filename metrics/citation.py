"""Which sentences of a document an answer rests on, to be shown to a person."""

import numpy as np

from programs.core.candidate import Candidate
from programs.core.embedding import Embed, ahead
from programs.core.text import content_words, sentences
from signatures.qa.grounded_qa import DOES_NOT_SAY

Span = tuple[int, int]
"""Start and end of a piece of a text, in characters."""


def cited(embed: Embed, candidate: Candidate) -> list[Span]:
    """The document's best sentence for each sentence of the response, in order; none without document or answer.

    Best by the cosine with prompt and answer together plus the share of the answer's words it holds: a short
    answer such as a year is found by its word, a paraphrase by its meaning.
    """
    document = candidate.document or ""
    spans, claims = sentence_spans(document), _claims(candidate)
    if not spans or not claims:
        return []
    pieces = [document[start:end] for start, end in spans]
    vectors = embed([*(f"{candidate.prompt} {claim}" for claim in claims), *pieces])
    worth = vectors[: len(claims)] @ vectors[len(claims) :].T
    worth = worth + np.array([[_held(claim, piece) for piece in pieces] for claim in claims])
    return sorted({spans[best] for best in worth.argmax(axis=1)})


async def citations(embed: Embed, candidate: Candidate) -> list[Span]:
    """As `cited`, with all texts embedded off the event loop first."""
    claims = [f"{candidate.prompt} {claim}" for claim in _claims(candidate)]
    pieces = sentences(candidate.document or "")
    return cited(await ahead(embed, [*claims, *pieces]), candidate) if claims and pieces else []


def sentence_spans(text: str) -> list[Span]:
    """Where the sentences of a text stand, in order."""
    spans, end = list[Span](), 0
    for sentence in sentences(text):
        start = text.index(sentence, end)
        end = start + len(sentence)
        spans.append((start, end))
    return spans


def _claims(candidate: Candidate) -> list[str]:
    """What the response says, a sentence each; nothing where it says that the document does not."""
    return [] if candidate.response == DOES_NOT_SAY else sentences(candidate.response)


def _held(claim: str, sentence: str) -> float:
    said, there = content_words(claim), set(content_words(sentence))
    return sum(word in there for word in said) / len(said) if said else 0.0
