"""A figure of the report: a chart, its finding in a sentence, and the same numbers as a table."""

import dataclasses
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Table:
    """The numbers of a figure, as text: one heading a column, one cell a column in each row."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Figure:
    """What a section of the report shows.

    Attributes:
        caption: the finding, in sentences computed from the data; every number in it stands in the table or in the
        run's records. table: the numbers that are drawn. chart: an Altair chart, or None if there is too little to
        draw, and the caption says why.
    """

    caption: str
    table: Table
    chart: Any = None
