"""Lists: one entry a line, of the project or shipped."""

from pathlib import Path

import pytest
from support.recipes import recipe_that, request

from seedbed.errors import UserError
from seedbed.sources import lists
from seedbed.sources.lists import read_list, read_lists


def test_an_entry_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_bytes("\ufeff# words\nferry\r\n\n  C# code \nferry\n# the end\nüber\n".encode())
    assert read_list("words.txt", tmp_path) == ["ferry", "C# code", "über"]


def test_a_shipped_list_stands_in_for_a_file_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    (data / "lists").mkdir(parents=True)
    (data / "lists/verbs.txt").write_text("run\n", encoding="utf-8")
    (data / "secret.txt").write_text("no list\n", encoding="utf-8")
    monkeypatch.setattr(lists, "data_folder", lambda: data)
    base = tmp_path / "project"
    (base / "lists").mkdir(parents=True)
    assert read_list("lists/verbs.txt", base) == ["run"]
    with pytest.raises(UserError) as caught:
        read_list("lists/nouns.txt", base)
    assert "lists/verbs.txt" in caught.value.hint
    with pytest.raises(UserError):
        read_list("lists/../secret.txt", base)
    (base / "lists/verbs.txt").write_text("walk\n", encoding="utf-8")
    assert read_list("lists/verbs.txt", base) == ["walk"]


@pytest.mark.parametrize(("content", "reason"), [(b"# nothing\n\n", "has no entry"), (b"\x00\x01\x02", "binary")])
def test_a_list_without_entries_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(UserError, match=reason):
        read_list("words.txt", tmp_path)


def test_each_list_is_a_source(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\ntwo\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("three\n", encoding="utf-8")
    recipe = recipe_that(reads="lists", lists=("verbs", "nouns"))
    made = read_lists(request(recipe, tmp_path, lists={"verbs": "a.txt", "nouns": "b.txt"})).sources
    assert [source.inputs for source in made] == [
        {"name": "verbs", "items": ["one", "two"]},
        {"name": "nouns", "items": ["three"]},
    ]
