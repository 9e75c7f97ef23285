"""The sentences of a document that an answer is based on, to show to a person."""

import numpy as np

from programs.core.embedding import Embed, ahead
from programs.core.row import Candidate
from programs.core.text import content_words, sentences

Span = tuple[int, int]
"""Start and end of a part of a text, in characters."""


def cited(embed: Embed, candidate: Candidate) -> list[Span]:
    """The document's best sentence for each sentence of the response, in order; none without document or response.

    The best sentence has the greatest sum of two scores: its cosine with prompt and claim together, and the share of
    the claim's words that it has. So a short answer such as a year is found by its word, a paraphrase by its meaning.
    """
    document = candidate.document or ""
    spans, claims = sentence_spans(document), _claims(candidate)
    if not spans or not claims:
        return []
    pieces = [document[start:end] for start, end in spans]
    vectors = embed([*(f"{candidate.prompt} {claim}" for claim in claims), *pieces])
    cosines = vectors[: len(claims)] @ vectors[len(claims) :].T
    scores = cosines + np.array([[_word_share(claim, piece) for piece in pieces] for claim in claims])
    return sorted({spans[best] for best in scores.argmax(axis=1)})


async def citations(embed: Embed, candidate: Candidate) -> list[Span]:
    """As `cited`, but all texts are embedded first, off the event loop."""
    claims = [f"{candidate.prompt} {claim}" for claim in _claims(candidate)]
    pieces = sentences(candidate.document or "")
    return cited(await ahead(embed, [*claims, *pieces]), candidate) if claims and pieces else []


def sentence_spans(text: str) -> list[Span]:
    """The positions of the sentences of a text, in order."""
    spans, end = list[Span](), 0
    for sentence in sentences(text):
        start = text.index(sentence, end)
        end = start + len(sentence)
        spans.append((start, end))
    return spans


def _claims(candidate: Candidate) -> list[str]:
    """The sentences of the response; none where it says that the document does not say."""
    return [] if candidate.refuses else sentences(candidate.response)


def _word_share(claim: str, sentence: str) -> float:
    claim_words, sentence_words = content_words(claim), set(content_words(sentence))
    return sum(word in sentence_words for word in claim_words) / len(claim_words) if claim_words else 0.0
