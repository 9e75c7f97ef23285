"""GGUF heads: what a file says is read, and whatever is no whole model is refused in words."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.gguf_file import gguf, write

from seedbed.models.shelf.gguf import Header, Unfit, parts_of, read_header, read_model

VALUES = {
    "general.architecture": "llama",
    "llama.context_length": 8192,
    "llama.block_count": 30,
    "llama.embedding_length": 576,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
    "tokenizer.chat_template": "{{ messages }}",
    "tokenizer.ggml.tokens": ["a", "b", "c"],
}


def complaint(*files: Path) -> str:
    with pytest.raises(Unfit) as raised:
        read_model(files)
    return str(raised.value)


def test_a_head_is_read(tmp_path: Path) -> None:
    header = read_model([write(tmp_path / "m.gguf", values=VALUES, tensors={"a": 7, "b": 100})])
    assert (header.architecture, header.context, header.vocabulary) == ("llama", 8192, 3)
    assert header.template == "{{ messages }}"
    assert header.kv_bytes == 2 * 30 * 3 * (64 + 64)  # two bytes a number; 30 layers, 3 heads, 64 wide, keys and values


def test_a_model_without_a_template_has_none(tmp_path: Path) -> None:
    assert read_model([write(tmp_path / "m.gguf")]).template is None


def test_a_long_vocabulary_is_counted(tmp_path: Path) -> None:
    values = VALUES | {"tokenizer.ggml.tokens": [str(number) for number in range(5000)]}
    assert read_model([write(tmp_path / "m.gguf", values=values)]).vocabulary == 5000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7 and more of it", "is no GGUF file"),
        (gguf(version=1), "is GGUF of version 1"),
        (gguf()[:20], "is cut short within its header"),
        (gguf(values={}), "names no architecture"),
        (gguf(tensors={"a": 1000})[:-100], "is cut short: its tensors end at byte"),
        (gguf(values={"general.architecture": "llama", "split.count": 3}), "is one of 3 parts"),
    ],
)
def test_what_is_no_model_is_refused_in_words(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "m.gguf").write_bytes(content)
    assert message in complaint(tmp_path / "m.gguf")


def test_all_parts_of_a_split_file_are_looked_at(tmp_path: Path) -> None:
    first = write(tmp_path / "m-00001-of-00003.gguf", tensors={"a": 10})
    write(tmp_path / "m-00002-of-00003.gguf", values={}, tensors={"b": 10})
    parts = parts_of(tmp_path / "m-00002-of-00003.gguf")
    assert parts[0] == first
    assert complaint(*parts) == "part 3 of 3, m-00003-of-00003.gguf, is not there"
    parts[2].write_bytes(gguf(values={}, tensors={"c": 10})[:-40])
    assert re.match("part 3 of 3, m-00003-of-00003.gguf, is cut short", complaint(*parts))
    write(parts[2], values={}, tensors={"c": 10})
    assert read_model(parts).architecture == "llama"


WHOLE = gguf(values=VALUES, tensors={"a": 7, "b": 100})


CUTS = st.just(len(WHOLE)) | st.integers(0, len(WHOLE))
CHANGES = st.tuples(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=8))


@given(cut=CUTS, changes=st.lists(CHANGES, max_size=4))
def test_whatever_the_bytes_there_is_a_head_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, cut: int, changes: list[tuple[int, bytes]]
) -> None:
    content = bytearray(WHOLE)
    for place, new in changes:
        content[place : place + len(new)] = new
    file = tmp_path_factory.getbasetemp() / "fuzzed.gguf"
    file.write_bytes(content[:cut])
    try:
        header = read_header(file)
    except Unfit:
        return
    assert isinstance(header, Header)
    assert header.kv_bytes >= 0
    assert header.vocabulary >= 0
