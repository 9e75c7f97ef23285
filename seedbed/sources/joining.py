"""Joins pieces of a document that are too short to ask for anything with their headings and neighbours."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence

from programs.core.text import blank_words
from seedbed.sources.reading.document import Document

Span = tuple[int, int]
_SHARES = (0.55, 0.65, 0.75, 0.85)  # of two neighbours, that the longer of two new parts may be


class Joiner:
    """Makes every span of a document, in order and with headings alone between them, `shortest` words or more.

    Args:
        limit: characters of the longest. header: what stands before a span that begins at a place, and counts.
        cut: a span in parts of at most so many characters.
    """

    def __init__(
        self,
        document: Document,
        limit: int,
        shortest: int,
        header: Callable[[int], str],
        cut: Callable[[int, int, int], list[Span]],
    ) -> None:
        self._text, self._limit, self._shortest = document.text, limit, shortest
        self._header, self._cut = header, cut
        self._headings = [heading.offset for heading in document.headings]

    def joined(self, spans: Sequence[Span]) -> list[Span]:
        """The spans, of which a short one takes in what is beside it: its headings, the short ones that follow, or the
        whole or a part of a neighbour. One that finds no room stays short."""
        done, at = list[Span](), 0
        while at < len(spans):
            span, at = spans[at], at + 1
            if not self._is_short(span):
                done.append(span)
                continue
            while at < len(spans) and self._is_short(spans[at]) and self._fits(whole := (span[0], spans[at][1])):
                span, at = whole, at + 1
            span = self._with_headings(span, done[-1][1] if done else 0)
            if self._is_short(span) and done and (both := self._both(done[-1], span)):
                done[-1:] = both
            elif self._is_short(span) and at < len(spans) and (both := self._both(span, spans[at])):
                done, at = done + both, at + 1
            else:
                done.append(span)
        return done

    def _is_short(self, span: Span) -> bool:
        start, end = span
        enough = min(end, start + 40 * self._shortest)  # characters that mostly show it
        return all(blank_words(self._text[start:stop]) < self._shortest for stop in (enough, end))

    def _fits(self, span: Span) -> bool:
        header = self._header(span[0])
        return span[1] - span[0] + (len(header) + 1 if header else 0) <= self._limit

    def _with_headings(self, span: Span, low: int) -> Span:
        """The span from the first of the heading lines that stand right above it, as many as fit."""
        above = self._headings[bisect.bisect_left(self._headings, low) : bisect.bisect_left(self._headings, span[0])]
        fitting = [start for start in above if self._fits((start, span[1]))]
        return (fitting[0], span[1]) if fitting else span

    def _both(self, one: Span, other: Span) -> list[Span]:
        """Two neighbours as one; where they do not fit, as two of about the same length; [] where neither does."""
        whole = (one[0], other[1])
        if self._fits(whole):
            return [whole]
        for share in _SHARES:
            for parts in self._parted(one, other, share):
                if len(parts) == 2 and all(self._fits(part) and not self._is_short(part) for part in parts):
                    return parts
        return []

    def _parted(self, one: Span, other: Span, share: float) -> Iterator[list[Span]]:
        """Two neighbours cut anew, and the short one with a part of the long one, of which the rest has this share."""
        whole, header = (one[0], other[1]), len(self._header(other[0]))
        yield self._cut(*whole, min(self._limit, header + int(share * (whole[1] - whole[0]))))
        if self._is_short(one):
            first, *rest = self._cut(*other, min(self._limit, header + int(share * (other[1] - other[0]))))
            yield [(one[0], first[1]), *rest]
        else:
            *rest, last = self._cut(*one, min(self._limit, header + int(share * (one[1] - one[0]))))
            yield [*rest, (last[0], other[1])]
