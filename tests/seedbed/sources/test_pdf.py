"""PDFs whose pages are drawn straight across columns, and those that only look so."""

from collections.abc import Sequence

import pytest
from support.office_files import pdf_of

from seedbed.sources.reading.extract import extract

LEFT = ["The dyke at Marsh End was built in", "1953 after the great flood. It is", "6 metres high and 11 kilometres"]
RIGHT = [
    "The pump house has two pumps of",
    "the year 1961. Each lifts 900 litres",
    "a second, if one engine helps",
]
THIRD = ["Sheep keep the grass of the dyke", "short from April until the end of", "October, when they are taken home"]

Texts = list[tuple[int, int, str]]


def page(*texts: tuple[int, int, str]) -> bytes:
    """A PDF of one page, 900 points wide, with these texts at these places, in this order."""
    stream = " ".join(f"BT /F1 11 Tf 1 0 0 1 {x} {y} Tm ({text}) Tj ET" for x, y, text in texts)
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        "<< /Type /Page /Parent 2 0 R /Resources << /Font << /F1 3 0 R >> >> "
        "/MediaBox [0 0 900 792] /Contents 5 0 R >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
    ]
    return pdf_of(objects)


def column(texts: Sequence[str], x: int, top: int = 700) -> Texts:
    """The lines of a column from its top down."""
    return [(x, top - 14 * n, text) for n, text in enumerate(texts)]


def across(*columns: Texts) -> Texts:
    """Columns drawn line by line."""
    return [part for row in zip(*columns, strict=True) for part in row]


TITLE = (72, 740, "On the dyke at Marsh End, its pumps, its sheep, and all who have to do with them in the year")


@pytest.mark.parametrize(
    "columns",
    [
        [column(LEFT, 72), column(RIGHT, 320)],
        [column(LEFT, 72), column(RIGHT, 320), column(THIRD, 560)],
        [[TITLE, *column(LEFT, 72)], [TITLE, *column(RIGHT, 320)]],
    ],
    ids=["two", "three", "below a title"],
)
def test_columns_drawn_line_by_line_read_as_columns_drawn_one_by_one(columns: list[Texts]) -> None:
    titled = columns[0][0] == TITLE
    bodies = [column[1:] if titled else column for column in columns]
    title = [TITLE] if titled else []
    one_by_one = page(*title, *(part for body in bodies for part in body))
    line_by_line = page(*title, *across(*bodies))
    text = extract(line_by_line, ".pdf").text
    assert text == extract(one_by_one, ".pdf").text
    assert " ".join(LEFT) in text
    assert " ".join(RIGHT) in text


def test_the_cells_of_a_table_stay_in_their_rows() -> None:
    names = column(["oar", "boat", "key", "rope"], 72)
    fees = column(["2 pounds", "9 pounds", "1 pound", "4 pounds"], 320)
    assert "oar 2 pounds" in extract(page(*across(names, fees)), ".pdf").text


def test_a_contents_page_stays_in_its_lines() -> None:
    titles = column(
        ["The building of the dyke in 1953", "The pump house and its engine", "Of sheep and of their keepers"], 72
    )
    pages = column(["7", "12", "31"], 500)
    assert "in 1953 7" in extract(page(*across(titles, pages)), ".pdf").text


def test_letters_that_a_font_does_not_tell_are_no_text() -> None:
    from seedbed.errors import Unreadable

    with pytest.raises(Unreadable, match="OCR"):
        extract(page(), ".pdf")
