"""Joins pieces of a document that are too short for a question with their headings and neighbours."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Sequence

from programs.core.text import blank_words
from seedbed.sources.reading.document import Document

Span = tuple[int, int]
_SHARES = (0.55, 0.65, 0.75, 0.85)  # shares of two neighbours' length to try for the longer of two new parts


class Joiner:
    """Makes every span of a document `shortest` words or more. Spans are in order, with only headings between them.

    Args:
        limit: characters of the longest span. header: the text in front of a span that begins at this place; it counts.
        cut: cuts a span (start, end) into parts of at most so many characters.
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
        """The spans, with short ones extended: by the short ones that follow, by the headings above, or by all or part
        of a neighbour. A span that finds no room stays short."""
        done, place = list[Span](), 0
        while place < len(spans):
            span, place = spans[place], place + 1
            if not self._is_short(span):
                done.append(span)
                continue
            while (
                place < len(spans) and self._is_short(spans[place]) and self._fits(whole := (span[0], spans[place][1]))
            ):
                span, place = whole, place + 1
            span = self._with_headings(span, done[-1][1] if done else 0)
            if self._is_short(span) and done and (parts := self._merged(done[-1], span)):
                done[-1:] = parts
            elif self._is_short(span) and place < len(spans) and (parts := self._merged(span, spans[place])):
                done, place = done + parts, place + 1
            else:
                done.append(span)
        return done

    def _is_short(self, span: Span) -> bool:
        start, end = span
        enough = min(end, start + 40 * self._shortest)  # so many characters mostly settle it
        return all(blank_words(self._text[start:stop]) < self._shortest for stop in (enough, end))

    def _fits(self, span: Span) -> bool:
        header = self._header(span[0])
        return span[1] - span[0] + (len(header) + 1 if header else 0) <= self._limit

    def _with_headings(self, span: Span, low: int) -> Span:
        """Extend the span to the headings right above it, as many as fit."""
        above = self._headings[bisect.bisect_left(self._headings, low) : bisect.bisect_left(self._headings, span[0])]
        fitting = [start for start in above if self._fits((start, span[1]))]
        return (fitting[0], span[1]) if fitting else span

    def _merged(self, before: Span, after: Span) -> list[Span]:
        """Two neighbours as one span; else as two of about the same length; [] where neither fits."""
        whole = (before[0], after[1])
        if self._fits(whole):
            return [whole]
        for share in _SHARES:
            for parts in self._recut(before, after, share):
                if len(parts) == 2 and all(self._fits(part) and not self._is_short(part) for part in parts):
                    return parts
        return []

    def _recut(self, before: Span, after: Span, share: float) -> Iterator[list[Span]]:
        """Two ways: cut both neighbours anew, or add a part of the long one to the short one; the longer new part, or
        the rest of the long one, has this share."""
        whole, header = (before[0], after[1]), len(self._header(after[0]))

        def parts(span: Span) -> list[Span]:
            return self._cut(*span, min(self._limit, header + int(share * (span[1] - span[0]))))

        yield parts(whole)
        if self._is_short(before):
            first, *rest = parts(after)
            yield [(before[0], first[1]), *rest]
        else:
            *rest, last = parts(before)
            yield [*rest, (last[0], after[1])]
