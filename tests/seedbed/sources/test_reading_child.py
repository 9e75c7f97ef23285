"""Small files that would stop every command: each is named and skipped within its limits, and paid for once."""

from pathlib import Path

import pytest
from support.office_files import docx, epub

from seedbed.errors import Unreadable
from seedbed.sources.documents import read_documents
from seedbed.sources.reading import child as reading_child

PARAGRAPH = "<w:p><w:r><w:t>Words.</w:t></w:r></w:p>"
SLOW = {
    "runs.docx": docx(f"<w:p>{'<w:r><w:t>a</w:t></w:r>' * 200_000}</w:p>"),
    "paragraphs.docx": docx(PARAGRAPH * 100_000),
    "marks.rst": b"`a " * 30_000,
    "bars.rst": b"|a " * 30_000,
    "stars.rst": b"*a " * 30_000,
}


@pytest.mark.parametrize("name", SLOW)
@pytest.mark.timeout(60)
def test_a_small_file_that_takes_for_ever_is_named_and_skipped_once(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_child, "SECONDS", 1.0)
    monkeypatch.setattr(reading_child, "SECONDS_A_MEGABYTE", 0.0)
    (tmp_path / name).write_bytes(SLOW[name])
    (tmp_path / "good.md").write_text("Good.", encoding="utf-8")
    suffixes, read = list[str](), reading_child.Child.read
    monkeypatch.setattr(
        reading_child.Child, "read", lambda child, *file: suffixes.append(file[-1]) or read(child, *file)
    )
    for _ in range(2):
        reading = read_documents(".", tmp_path, cache=tmp_path / ".seedbed" / "texts.sqlite")
        assert [document.text for document in reading.documents] == ["Good."]
        assert reading.skipped.lines() == [f"{name}: reading it takes more than 1 s"]
    assert suffixes.count(Path(name).suffix) == 1  # the second command is told by the first


def test_a_file_that_takes_too_much_memory_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_child, "MEMORY", 200 << 20)
    (tmp_path / "bomb.epub").write_bytes(epub("<p>" + "a" * (200 << 20)))
    (tmp_path / "good.md").write_text("Good.", encoding="utf-8")
    reading = read_documents(".", tmp_path)
    assert [document.text for document in reading.documents] == ["Good."]
    (line,) = reading.skipped.lines()
    assert line.startswith("bomb.epub: ")
    assert "memory" in line


def test_the_process_that_reads_knows_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_MODELS_KEY", "sk-1")
    child = reading_child.Child()
    assert child.read("text", b"Good.", ".md")["text"] == "Good."
    assert child._process
    assert b"sk-1" not in Path(f"/proc/{child._process.pid}/environ").read_bytes()


def test_a_reader_that_is_gone_is_started_again() -> None:
    child = reading_child.Child()
    for _ in range(2):
        assert child.read("text", b"Good.", ".md")["text"] == "Good."
        assert child._process
        child._process.terminate()
        child._process.wait()
        with pytest.raises(Unreadable, match="broke down"):
            child.read("text", b"Good.", ".md")


def test_texts_are_kept_by_what_is_in_a_file_and_a_damaged_store_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, contents = tmp_path / ".seedbed" / "texts.sqlite", list[str]()
    ask = reading_child.CHILD.read

    def counted(work: str, data: bytes, suffix: str) -> dict[str, object]:
        contents.append(data.decode())
        return ask(work, data, suffix)

    monkeypatch.setattr(reading_child.CHILD, "read", counted)
    for content in ("One.", "One.", "Two.", "One."):
        (tmp_path / "a.md").write_text(content, encoding="utf-8")
        (document,) = read_documents("a.md", tmp_path, cache=cache).documents
        assert document.text == content
    assert contents == ["One.", "Two."]
    cache.write_bytes(b"no database" * 1000)
    assert [document.text for document in read_documents("a.md", tmp_path, cache=cache).documents] == ["One."]
    (document,) = read_documents("a.md", tmp_path, cache=tmp_path / "a.md" / "no folder").documents
    assert document.text == "One."
