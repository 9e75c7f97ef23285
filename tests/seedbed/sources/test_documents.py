"""Reading sources: each format, what is damaged, tables, datasets, and real documents."""

import dataclasses
import json
import logging
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.office_files import pdf_of
from support.paths import ROOT

from seedbed.errors import Unreadable, UserError
from seedbed.sources.documents import Reading, read_documents
from seedbed.sources.finding import find_documents
from seedbed.sources.reading.document import Document
from seedbed.sources.reading.extract import extract as extracted

CORPUS = ROOT.parent / "shared/data/corpus"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01" + bytes(range(256)) * 4


def written(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def extract(path: Path) -> Document:
    """A file read, under its own name."""
    return dataclasses.replace(extracted(path.read_bytes(), path.suffix.lower()), name=path.name)


def skipped(reading: Reading) -> list[tuple[str, str]]:
    """What was skipped by name, with the reason."""
    return [(name, group["why"]) for group in reading.skipped.report() for name in group["first"]]


def pdf(*pages: str) -> bytes:
    """A small PDF of `pages`, by hand; its lines are set with the T* operator."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, page in enumerate(pages):
        lines = " ".join(f"({line}) Tj T*" for line in page.split("\n"))
        stream = f"BT /F1 12 Tf 14 TL 72 720 Td {lines} ET" if page else ""
        font = "/Resources << /Font << /F1 3 0 R >> >> /MediaBox [0 0 612 792]"
        objects += [
            f"<< /Type /Page /Parent 2 0 R {font} /Contents {5 + 2 * n} 0 R >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    return pdf_of(objects)


def outline(document: Document) -> list[tuple[int, str]]:
    for heading in document.headings:
        assert document.text[heading.offset :].split("\n")[0] == heading.title
    return [(heading.level, heading.title) for heading in document.headings]


def test_plain_text_keeps_its_lines_and_pages_become_paragraphs(tmp_path: Path) -> None:
    content = "\ufeffOne\r\n  two\rthree\n\fFour\n\nA. Author    [Page 1]\n\fRFC 7 Title May 1996\n\nfive"
    document = extract(written(tmp_path / "a.txt", content))
    assert document.text == "One\n  two\nthree\n\nFour\n\nfive"
    assert document == Document("a.txt", document.text)
    assert extract(written(tmp_path / "b.txt", "Zoë".encode("utf-16"))).text == "Zoë"


def test_markdown(tmp_path: Path) -> None:
    content = """---
title: Left out
---
# Title *one*

A paragraph that
wraps &amp; ends.

- first
- second
  - inner

## Code

```sh
{{#include ../gone.sh}}
```

```python
def f():

    return 1
```

| a | b |
|---|---|
| 1 | `2` |
"""
    document = extract(written(tmp_path / "a.md", content))
    assert document.text == (
        "Title one\n\nA paragraph that wraps & ends.\n\n- first\n- second\n  - inner\n\nCode\n\n"
        "def f():\n\n    return 1\n\na | b\n1 | 2"
    )
    assert outline(document) == [(1, "Title one"), (2, "Code")]


def test_a_rule_at_the_top_of_markdown_is_no_front_matter(tmp_path: Path) -> None:
    assert extract(written(tmp_path / "a.md", "---\n\nProse.\n\n---\n\nMore.")).text == "Prose.\n\nMore."
    assert extract(written(tmp_path / "b.md", '+++\ntitle = "x"\n+++\nMore.')).text == "More."


def test_html(tmp_path: Path) -> None:
    content = """<html><head><title>t</title><style>p {}</style></head><body><nav>menu</nav><!-- no -->
<h1>Top<a class="headerlink" href="#t">¶</a></h1><script>x()</script>
<p>Caf&eacute; &lt;b&gt; <b>bo</b>ld<br>next
line</p>loose<div>text</div>
<ul><li>one <p>more</p></li><li>two<pre>
  x
 y
</pre></li></ul>
<table><caption>C</caption><tr><th>k<th>v</tr><tr><td><p>1</p><p>2</p></td><td></td></tr></table>
<table><tr><td><h2>Laid out</h2></td></tr></table><footer>end</footer></body></html>"""
    document = extract(written(tmp_path / "a.html", content))
    assert document.text == (
        "Top\n\nCafé <b> bold\nnext line\n\nloose\n\ntext\n\n- one\n  more\n- two\n    x\n   y\n\n"
        "C\nk | v\n1 2 | \n\nLaid out"
    )
    assert outline(document) == [(1, "Top"), (2, "Laid out")]


def test_html_says_its_own_encoding(tmp_path: Path) -> None:
    content = '<meta charset="iso-8859-1"><p>Zoë'.encode("latin-1")
    assert extract(written(tmp_path / "a.htm", content)).text == "Zoë"


def test_rst_with_sphinx_markup(tmp_path: Path) -> None:
    content = """.. _anchor:

Title
=====

.. currentmodule:: numpy
.. raw:: html

   <p>never</p>

Use :func:`~numpy.linalg.norm`, :py:class:`.Flask`, :ref:`the guide <guide>`, :pep:`8` and
:pep:`this <20#zen>` with ``x``, `name` and :math:`x^2`.

.. versionadded:: 2.0
   Adds *this*.

.. seealso::

   Something :doc:`else </other>`.

Inner
-----

.. code-block:: python
   :caption: f.py
   :made-up-option:

   if x:

       y()

.. include:: /etc/hostname

.. note:: Mind the `missing target`_ and |nothing|.
"""
    document = extract(written(tmp_path / "a.rst", content))
    assert document.text == (
        "Title\n\nUse norm, Flask, the guide, PEP 8 and this with x, name and x^2.\n\n"
        "versionadded: 2.0 Adds this.\n\nSomething else.\n\nInner\n\nif x:\n\n    y()\n\n"
        "Note\n\nMind the `missing target`_ and |nothing|."
    )
    assert outline(document) == [(1, "Title"), (2, "Inner")]


def test_rst_may_have_long_lines(tmp_path: Path) -> None:
    assert len(extract(written(tmp_path / "a.rst", "x " * 10_000)).text) == 19_999


def test_docx(tmp_path: Path) -> None:
    docx = pytest.importorskip("docx")
    file = docx.Document()
    file.add_heading("Guide", 1)
    file.add_paragraph("Opening hours & more.")
    file.add_paragraph("first", style="List Bullet")
    file.add_paragraph("second", style="List Bullet")
    file.add_heading("Prices", 2)
    table = file.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "adult", "5 €"
    file.save(str(tmp_path / "a.docx"))
    document = extract(tmp_path / "a.docx")
    assert document.text == "Guide\n\nOpening hours & more.\n\n- first\n- second\n\nPrices\n\nadult | 5 €"
    assert outline(document) == [(1, "Guide"), (2, "Prices")]


def test_pdf_lines_are_joined_into_paragraphs(tmp_path: Path) -> None:
    page = "Title\nThe first paragraph goes on a while and is hyphen-\nated once, before it ends.\nNext one."
    document = extract(written(tmp_path / "a.pdf", pdf(page, "Page two.")))
    assert document.text == (
        "Title\n\nThe first paragraph goes on a while and is hyphenated once, before it ends.\n\nNext one.\n\nPage two."
    )


def encrypted(path: Path) -> Path:
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(PdfReader(written(path, pdf("Secret."))))
    writer.encrypt("password", algorithm="RC4-128")
    writer.write(path)
    return path


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.pdf", JPEG, "not a PDF"),
        ("a.pdf", b"%PDF-1.4\nbroken", "could not be read"),
        ("a.pdf", pdf(""), "OCR"),
        ("a.docx", b"PK no zip", r"not a \.docx"),
        ("a.txt", bytes(range(128, 256)), "not text in UTF-8"),
        ("a.txt", b"a\0b", "binary"),
        ("a.md", "---\ntitle: x\n---\n", "no text"),
        ("a.html", JPEG, "not text"),
        ("a.html", "<div>" * 5000 + "deep", "could not be read"),
        ("a.rst", b"", "no text"),
    ],
)
def test_what_is_unreadable_says_why(tmp_path: Path, name: str, content: str | bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        extract(written(tmp_path / name, content))


def test_an_encrypted_pdf_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match="password"):
        extract(encrypted(tmp_path / "a.pdf"))


@given(st.binary(max_size=200), st.sampled_from(["txt", "md", "rst", "html", "pdf", "docx"]))
def test_no_bytes_raise_anything_but_unreadable(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, suffix: str
) -> None:
    path = written(tmp_path_factory.getbasetemp() / f"any.{suffix}", data)
    with suppress(Unreadable):
        assert extract(path).text.strip()


def test_finding_folders_globs_and_files(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.TXT", "a/deep/y.rst", ".hidden/x.md", "a/.w.md", "v.png", "docs[1]/u.md"):
        written(tmp_path / name, "text")

    def found(where: str | list[str]) -> list[str]:
        return [path.relative_to(tmp_path).as_posix() for path in find_documents(where, tmp_path)]

    assert found(".") == ["a/deep/y.rst", "a/z.TXT", "b.md", "docs[1]/u.md"]
    assert found(["**/*", "b.md"]) == found(".")
    assert found(["a/*", str(tmp_path / "b.*")]) == ["a/z.TXT", "b.md"]
    assert found("docs[1]") == found("docs[1]/u.md") == ["docs[1]/u.md"]


@pytest.mark.parametrize(
    "where", [".", "**", "**/*.md", "*/*", "*/*.md", "{base}/**", "{base}/*/*.md", "../p", "../p/*/*", "../*/*/*.md"]
)
def test_what_runs_wrote_is_no_document_however_it_is_looked_for(tmp_path: Path, where: str) -> None:
    base = tmp_path / "p"
    written(base / "a/own.md", "text")
    for run in ("ds", "a/ds"):
        for name in ("README.md", "rows/train-00000.parquet", "journal.sqlite"):
            written(base / run / name, "text")
    assert [path.resolve() for path in find_documents(where.format(base=base), base)] == [base / "a/own.md"]


@pytest.mark.parametrize("where", ["ds", "ds/README.md"])
def test_what_a_run_wrote_is_a_document_where_it_is_named(tmp_path: Path, where: str) -> None:
    for name in ("README.md", "journal.sqlite"):
        written(tmp_path / "ds" / name, "text")
    assert find_documents(where, tmp_path) == [tmp_path / "ds/README.md"]


@pytest.mark.parametrize("where", ["none", "*.md", "empty", "empty/x.png", []])
def test_nothing_to_read_names_what_is_understood(tmp_path: Path, where: str | list[str]) -> None:
    written(tmp_path / "empty/x.png", "text")
    with pytest.raises(UserError) as caught:
        read_documents(where, tmp_path)
    assert ".docx" in caught.value.hint
    assert str(where) in str(caught.value) or not where


def test_what_cannot_be_read_is_skipped_and_named(tmp_path: Path) -> None:
    written(tmp_path / "docs/good.md", "Good.")
    written(tmp_path / "docs/bad.pdf", JPEG)
    written(tmp_path / "docs/rows.csv", "id,body\n1,x\n")
    reading = read_documents("docs", tmp_path)
    assert list(reading.documents) == [Document("docs/good.md", "Good.")]
    assert skipped(reading) == [
        ("docs/bad.pdf", "it is not a PDF, whatever its name says"),
        ("docs/rows.csv", "it is a table: name its text columns under sources.text, one or more of id, body"),
    ]
    with pytest.raises(UserError, match=r"docs/bad\.pdf: it is not a PDF"):
        read_documents("docs/*.pdf", tmp_path)


ROWS = [{"id": "a", "body": "One."}, {"id": "b", "body": ""}, {"id": "c", "body": "Lone \ud800."}]


def test_jsonl_rows_take_their_ids_or_numbers(tmp_path: Path) -> None:
    lines = "\n\n".join(map(json.dumps, ROWS))
    written(tmp_path / "t.jsonl", lines)
    reading = read_documents("t.jsonl", tmp_path, text="body")
    assert list(reading.documents) == [Document("t.jsonl#a", "One."), Document("t.jsonl#c", "Lone ?.")]
    assert skipped(reading) == [("t.jsonl#b", "there is no text in column 'body'")]

    written(tmp_path / "t.jsonl", f"{lines}\nnonsense\n[]\n")
    reading = read_documents("t.jsonl", tmp_path, text="body")
    assert [document.name for document in reading.documents] == ["t.jsonl#1", "t.jsonl#3"]
    assert skipped(reading)[1:] == [(f"t.jsonl#{n}", "it is not a JSON object") for n in (4, 5)]


def test_csv_and_parquet(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    long = "word " * 50_000
    written(tmp_path / "t.csv", f'body,n\n"two\nlines",1\n{long},2,surplus\n')
    parquet.write_table(pyarrow.table({"body": ["Three.", None], "id": [0, 1]}), tmp_path / "t.parquet")
    written(tmp_path / "u.parquet", b"not parquet")
    reading = read_documents("*", tmp_path, text="body")
    assert {document.name: document.text for document in reading.documents} == {
        "t.csv#1": "two\nlines",
        "t.csv#2": long,
        "t.parquet#0": "Three.",
    }
    assert [name for name, _ in skipped(reading)] == ["t.parquet#1", "u.parquet"]


def test_a_wrong_column_names_the_columns_there_are(tmp_path: Path) -> None:
    written(tmp_path / "t.csv", "id,body\n1,x\n")
    with pytest.raises(UserError, match=r"t\.csv: it has no column 'text', but id, body"):
        read_documents("t.csv", tmp_path, text="text")


def test_saved_datasets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_list([{"body": "One."}, {"body": "Two."}])
    datasets.DatasetDict({"train": table, "test": table.select([1])}).save_to_disk(tmp_path / "both")
    table.save_to_disk(tmp_path / "one")
    saved = f"hf://{tmp_path}/both"
    names = [document.name for document in read_documents(saved, tmp_path, text="body").documents]
    assert names == [f"{saved}#1", f"{saved}#2"]
    assert len(read_documents(saved, tmp_path, text="body", split="test").documents) == 1
    assert len(read_documents(f"hf://{tmp_path}/one", tmp_path, text="body").documents) == 2
    with pytest.raises(UserError, match="no split 'dev'") as caught:
        read_documents(saved, tmp_path, text="body", split="dev")
    assert "train, test" in caught.value.hint
    with pytest.raises(UserError, match="one or more of body"):
        read_documents(saved, tmp_path)
    with pytest.raises(UserError, match="could not be loaded"):
        read_documents(f"hf://{tmp_path}/none", tmp_path, text="body")


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the shared corpus is not at {CORPUS}")
def test_real_documents_are_read_or_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        reading = read_documents(str(CORPUS), CORPUS)
    assert len(reading.documents) == 42
    assert [name for name, _ in skipped(reading)] == ["MANIFEST.jsonl"]
    assert all(len(document.text) > 200 for document in reading.documents)
    assert not any(mark in d.text for d in reading.documents for mark in (":func:`", ":pep:`", "{{#", "{{%"))
    assert all(outline(d) for d in reading.documents if not d.name.endswith(".txt"))
    assert not caplog.records
