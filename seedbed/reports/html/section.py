"""A section of the report, and the report as a whole."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from seedbed.reports.html.figure import Figure


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
        title: its heading, which is also its anchor. question: what it answers. figures: what it shows; its findings
        are their captions. template: of a section that shows more than figures, the file in `page/` that does it, with
        `content`. tables_open: its tables are what it shows; else they are folded.
    """

    title: str
    question: str
    figures: Sequence[Figure]
    template: str | None = None
    content: Any = None
    tables_open: bool = False

    @property
    def anchor(self) -> str:
        """Its id in the page."""
        return "-".join(self.title.lower().split())


def charts(title: str, question: str, *figures: Figure | None) -> Section | None:
    """A section of figures; None if none of them has anything to show."""
    shown = [figure for figure in figures if figure]
    return Section(title, question, shown) if shown else None


@dataclasses.dataclass(frozen=True)
class Report:
    """A report: of a run, or of a compile. `head` stands above all sections. `kicker` says what it is about."""

    kicker: str
    title: str
    head: Section
    sections: Sequence[Section]

    def findings(self) -> list[dict[str, Any]]:
        """The captions and tables of every section, for programs."""
        return [
            {
                "section": section.title,
                "question": section.question,
                "figures": [
                    {"caption": figure.caption, "headings": [*figure.table.headings], "rows": [*figure.table.rows]}
                    for figure in section.figures
                ],
            }
            for section in (self.head, *self.sections)
        ]
