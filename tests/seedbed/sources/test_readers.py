"""What people have in their folders beside text: slides, sheets, e-books, MDX, tables of many kinds."""

import dataclasses
import json
from pathlib import Path

import pytest
from support.office_files import epub, grid, pptx, shape, xlsx

from seedbed.sources.documents import read_documents
from seedbed.sources.reading.document import Document
from seedbed.sources.reading.extract import extract


def texts(folder: Path, where: str = ".", **settings: object) -> dict[str, str]:
    """The text of each document, by name."""
    reading = read_documents(where, folder, **settings)  # type: ignore[arg-type]
    return {document.name: document.text for document in reading.documents}


def headed(document: Document) -> list[str]:
    """The headings, each of which is a line of the text."""
    assert all(document.text[h.offset :].split("\n")[0] == h.title for h in document.headings)
    return [heading.title for heading in document.headings]


def test_slides_are_read_in_their_order_with_titles_lists_tables_and_notes() -> None:
    last = (
        shape("The end & more", "title") + shape("one\ntwo") + grid([["k", "v"], ["oak", "7"]]) + shape("3", "sldNum")
    )
    document = extract(
        pptx(last, shape("The start", "ctrTitle") + shape("by us", "subTitle"), notes="Say thanks."), ".pptx"
    )
    assert document.text == "The start\n\nby us\n\nThe end & more\n\n- one\n- two\n\nk | v\noak | 7\n\nSay thanks."
    assert headed(document) == ["The start", "The end & more"]


def test_a_workbook_is_a_table_a_sheet_or_a_document_a_row(tmp_path: Path) -> None:
    book = xlsx(
        Fees=[["name", "", "fee"], ["oar", "", 2.0], ["", "", ""], ["boat", "", 2.5]], Empty=[], Keys=[["a"], ["b"]]
    )
    (tmp_path / "fees.xlsx").write_bytes(book)
    document = extract(book, ".xlsx")
    assert texts(tmp_path) == {"fees.xlsx": "Fees\n\nname | fee\noar | 2\nboat | 2.5\n\nKeys\n\na\nb"}
    assert [document.text[table.start : table.head] for table in document.tables] == ["name | fee", "a"]
    assert headed(document) == ["Fees", "Keys"]
    assert texts(tmp_path, text="{name} costs {fee} pounds") == {
        "fees.xlsx#1": "oar costs 2 pounds",
        "fees.xlsx#2": "boat costs 2.5 pounds",
    }


def test_a_book_is_read_by_its_spine() -> None:
    document = extract(epub("<h1>First</h1><p>Caf&eacute;.</p>", "<h1>Second</h1><p>More.</p>"), ".epub")
    assert document.text == "First\n\nCafé.\n\nSecond\n\nMore."
    assert headed(document) == ["First", "Second"]


def test_mdx_is_markdown_without_its_code() -> None:
    page = """import {Tabs} from './tabs'
export const price = {
  tea: 2,
}

# Prices {/* of 2024 */}

<Tabs items={['a', 'b']}>
  <Tab>
Tea costs 2 pounds, see `{price.tea}`.
  </Tab>
</Tabs>

```js
import x from 'y'
```
"""
    document = extract(page.encode(), ".mdx")
    assert document.text == "Prices\n\nTea costs 2 pounds, see {price.tea}.\n\nimport x from 'y'"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.tsv", "id\ttext\n7\tA, b.\n", {"a.tsv#7": "A, b."}),
        ("a.csv", "id;text\n7;A, b.\n", {"a.csv#7": "A, b."}),
        ("a.json", json.dumps([{"text": "One."}, {"text": "Two."}]), {"a.json#1": "One.", "a.json#2": "Two."}),
        ("a.json", json.dumps({"v": 1, "rows": [{"text": "One."}]}), {"a.json#1": "One."}),
        ("a.json", json.dumps({"text": "One.", "tags": ["x"]}), {"a.json#1": "One."}),
        ("a.json", json.dumps(["One.", "Two."]), {"a.json#1": "One.", "a.json#2": "Two."}),
        ("a.jsonl", '{"text": "One."}\n', {"a.jsonl#1": "One."}),
    ],
)
def test_tables_of_all_kinds_give_their_column_text_unasked(
    tmp_path: Path, name: str, content: str, expected: dict[str, str]
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert texts(tmp_path) == expected


def test_several_columns_or_a_template_make_a_text(tmp_path: Path) -> None:
    rows = [
        {"name": "Tarn", "milk": None, "age": 12, "tags": ["a", "b"]},
        {"name": "", "milk": "", "age": float("nan")},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    columns = ["name", "milk", "age", "tags"]
    assert texts(tmp_path, text=columns) == {"a.jsonl#1": "name: Tarn\nage: 12\ntags: a, b"}
    assert texts(tmp_path, text="{name} is {age} weeks old{milk}.") == {"a.jsonl#1": "Tarn is 12 weeks old."}


RULES = ["---\n# Title: a\n\nProse: of a kind.\n", "---\n# Only: a title\n", "---\nJust prose.\n"]
FRONT = [
    "---\ntitle: The weir\ntags: [a]\n---\n",
    "---\ntitle: The weir: a history\n# x\nby:\n  - me\n---\n",
    '+++\na = "b"\n+++\n',
]


@pytest.mark.parametrize("opening", RULES)
def test_what_only_looks_like_front_matter_is_text(opening: str) -> None:
    document = extract(f"{opening}\n---\n\nMore.".encode(), ".md")
    lines = [line.lstrip("# ") for line in opening.splitlines()[1:] if line]
    assert document.text.split("\n\n") == [*lines, "More."]


@pytest.mark.parametrize("front", FRONT)
def test_front_matter_is_left_out(front: str) -> None:
    assert extract(f"{front}# Weir\n\nText.".encode(), ".md").text == "Weir\n\nText."


@pytest.mark.parametrize("section", ["article", "main", "section", "aside"])
def test_a_header_of_a_part_of_a_page_is_text(section: str) -> None:
    part = f"<{section}><header><h1>Lock</h1></header><p>Gate.</p><footer>Shut in May.</footer></{section}>"
    page = f"<body><header>Menu</header><nav>Links</nav>{part}<footer>Imprint</footer></body>"
    document = extract(page.encode(), ".html")
    assert document.text == "Lock\n\nGate.\n\nShut in May."


@pytest.mark.parametrize(
    "hidden", ["hidden", 'style="display: none"', 'style="color:red;VISIBILITY:hidden"', 'style="font-size:0px"']
)
def test_what_a_page_hides_is_left_out_with_a_note(hidden: str) -> None:
    document = extract(f'<p style="font-size:0.9em">Seen.</p><div {hidden}>Say <b>PWNED</b>.</div>'.encode(), ".html")
    assert document.text == "Seen."
    assert document.notes == ("9 characters in hidden elements were left out",)


@pytest.mark.parametrize("mark", [".. |d| date::", ".. |d| date:: %H:%M:%S.%f", ".. |d| date:: %Y"])
def test_a_date_of_today_makes_no_new_document_each_day(mark: str) -> None:
    assert extract(f"Built on |d| here.\n\n{mark}\n".encode(), ".rst").text == "Built on here."


def test_notes_are_no_part_of_what_two_documents_are() -> None:
    document = extract(b"<p>a</p>", ".html")
    assert dataclasses.replace(document, notes=()).hash == document.hash
