"""Rows: of tables, datasets and seeds, each a source; and what is said of those that cannot be read."""

import datetime
import decimal
import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.office_files import xlsx
from support.recipes import recipe_that, request

from programs.core.recipe import Recipe, Seed
from programs.core.row import Source
from seedbed.errors import UserError
from seedbed.sources.rows import read_rows
from seedbed.sources.source_set import SourceSet

Row = dict[str, Any]
RECIPE = recipe_that(reads="rows", inputs=("prompt",), optional_inputs=("answer",))


class PromptSeed(Seed):
    prompt: str
    answer: str = ""

    @property
    def group(self) -> str:
        return self.prompt


def jsonl(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(base: Path, recipe: Recipe = RECIPE, **sources: Any) -> SourceSet:
    return read_rows(request(recipe, base, **sources))


def error_of(base: Path, **sources: Any) -> str:
    with pytest.raises(UserError) as caught:
        read(base, **sources)
    assert caught.value.hint
    return str(caught.value)


def fields(sources: Sequence[Source]) -> list[Row]:
    return [source.inputs for source in sources]


def test_columns_are_mapped_to_inputs(tmp_path: Path) -> None:
    jsonl(tmp_path / "t.jsonl", [{"question": "Why?", "answer": "So.", "id": "q7"}, {"question": "How?", "id": "q8"}])
    sources = read(tmp_path, rows="t.jsonl", columns={"prompt": "question"}).sources
    assert fields(sources) == [{"prompt": "Why?", "answer": "So."}, {"prompt": "How?"}]
    assert [source.origin for source in sources] == [{"row": "q7"}, {"row": "q8"}]
    assert [source.group for source in sources] == ["Why?", "How?"]


def test_every_kind_of_table_gives_the_same_sources(tmp_path: Path) -> None:
    rows = [{"prompt": "Why is it so?", "answer": "Nobody knows."}, {"prompt": "¿Cómo?", "answer": "Así."}]
    jsonl(tmp_path / "t.jsonl", rows)
    (tmp_path / "t.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "t.csv").write_text(
        "prompt,answer\n" + "".join(f"{row['prompt']},{row['answer']}\n" for row in rows), encoding="utf-8"
    )
    (tmp_path / "latin.csv").write_bytes((tmp_path / "t.csv").read_text(encoding="utf-8").encode("cp1252"))
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "t.parquet")
    (tmp_path / "t.xlsx").write_bytes(xlsx(Sheet=[["prompt", "answer"], *[[*row.values()] for row in rows]]))
    datasets.Dataset.from_list(rows).save_to_disk(str(tmp_path / "saved"))
    names = ["t.json", "t.csv", "latin.csv", "t.parquet", "t.xlsx", f"hf://{tmp_path}/saved"]
    expected = list(read(tmp_path, rows="t.jsonl").sources)
    for name in names:
        assert list(read(tmp_path, rows=name).sources) == expected, name
    assert "latin.csv: read as Windows-1252" in read(tmp_path, rows="latin.csv").notes.lines()


def test_rows_that_cannot_be_used_are_counted_with_the_reason(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "t.jsonl", [{"prompt": "Why?"}, {"prompt": " "}, {"answer": "So."}, {"prompt": "Why?"}])
    with path.open("a", encoding="utf-8") as file:
        file.write("[1, 2]\nno json\n" + json.dumps({"prompt": 0}) + "\n")
    made = read(tmp_path, rows="t.jsonl")
    assert fields(made.sources) == [{"prompt": "Why?"}, {"prompt": "0"}]
    assert made.skipped.report() == [
        {"why": "its column 'prompt' is empty", "count": 2, "first": ["t.jsonl#2", "t.jsonl#3"]},
        {"why": "an earlier row is equal", "count": 1, "first": ["t.jsonl#4"]},
        {"why": "it is not a JSON object", "count": 2, "first": ["t.jsonl#5", "t.jsonl#6"]},
    ]


def test_a_group_is_a_column_or_else_the_first_input(tmp_path: Path) -> None:
    rows = [{"prompt": f"Why {n}?", "topic": topic} for n, topic in enumerate(["sea", "sea", None, 7])]
    jsonl(tmp_path / "t.jsonl", [*rows, {"prompt": "w" * 5000, "topic": ""}])
    sources = read(tmp_path, rows="t.jsonl", columns={"group": "topic"}).sources
    groups = [source.group for source in sources]
    assert groups[:4] == ["sea", "sea", "Why 2?", "7"]
    assert groups[4].startswith("www")
    assert len(groups[4]) <= 200
    assert fields(sources)[0] == {"prompt": "Why 0?"}


def test_a_source_depends_on_its_inputs_alone(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", [{"prompt": "Why?", "note": 1}, {"prompt": "How?", "note": 2}])
    jsonl(tmp_path / "b.jsonl", [{"text": "How?", "id": "x"}, {"text": "When?", "id": "y"}])
    first = read(tmp_path, rows="a.jsonl").sources
    second = read(tmp_path, rows="b.jsonl", columns={"prompt": "text"}).sources
    assert first[1].id == second[0].id
    assert len({source.id for source in [*first, *second]}) == 3


def test_chat_rows_have_a_prompt_and_a_response(tmp_path: Path) -> None:
    said = [("system", "Be brief."), ("user", "Why?"), ("assistant", "Hm."), ("user", "And?"), ("assistant", "So.")]
    messages = [{"role": role, "content": content} for role, content in said]
    jsonl(tmp_path / "chat.jsonl", [{"messages": messages}, {"messages": messages, "prompt": "How?"}])
    jsonl(tmp_path / "prompts.jsonl", [{"prompt": [{"role": "user", "content": "Why?"}]}])
    recipe = recipe_that(reads="rows", inputs=("prompt",), optional_inputs=("response",))
    made = read(tmp_path, recipe, rows="chat.jsonl").sources
    assert fields(made) == [{"prompt": "Why?", "response": "So."}, {"prompt": "How?", "response": "So."}]
    assert fields(read(tmp_path, recipe, rows="prompts.jsonl").sources) == [{"prompt": "Why?"}]


def test_a_number_is_a_text_for_a_program(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(
        '{"prompt": "2+2?", "answer": 4}\n{"prompt": 7, "answer": 0.5}\n', encoding="utf-8"
    )
    made = read(tmp_path, rows="t.jsonl").sources
    assert fields(made) == [{"prompt": "2+2?", "answer": "4"}, {"prompt": "7", "answer": "0.5"}]


def test_values_that_json_does_not_know_are_texts_or_left_out(tmp_path: Path) -> None:
    day, price = datetime.date(2024, 2, 29), decimal.Decimal("1.50")
    table = pa.table({"answer": [day, None, None], "price": [price, price, price], "bytes": [b"x", b"y", b"z"]})
    pq.write_table(table, tmp_path / "t.parquet")
    made = read(tmp_path, rows="t.parquet", columns={"prompt": "price"}).sources
    assert fields(made) == [{"prompt": "1.50", "answer": "2024-02-29"}, {"prompt": "1.50"}]
    (tmp_path / "t.jsonl").write_text('{"prompt": "a", "answer": NaN}\n{"prompt": "\\ud800 b"}\n', encoding="utf-8")
    assert fields(read(tmp_path, rows="t.jsonl").sources) == [{"prompt": "a"}, {"prompt": "? b"}]
    assert "its column 'bytes' is empty" in error_of(tmp_path, rows="t.parquet", columns={"prompt": "bytes"})


@given(st.lists(st.dictionaries(st.sampled_from(["prompt", "answer", "id"]), st.text() | st.integers() | st.none())))
def test_no_row_is_lost_without_a_reason(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> None:
    folder = tmp_path_factory.mktemp("rows")
    jsonl(folder / "t.jsonl", [{"prompt": "always"}, *rows])
    made = read(folder, rows="t.jsonl")
    assert len(made.sources) + made.skipped.count == 1 + len(rows)
    assert len({source.id for source in made.sources}) == len(made.sources)
    assert all(source.inputs["prompt"] not in (None, "") for source in made.sources)


def test_a_column_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    jsonl(tmp_path / "t.jsonl", [{"question": "Why?", "reply": "So."}])
    assert "no column 'prompt' for prompt. Its columns are question, reply." in error_of(tmp_path, rows="t.jsonl")
    mapped = error_of(tmp_path, rows="t.jsonl", columns={"prompt": "question", "answer": "answr"})
    assert "no column 'answr' for answer" in mapped
    assert "no column 'kind' for group" in error_of(
        tmp_path, rows="t.jsonl", columns={"prompt": "question", "group": "kind"}
    )
    assert 'there is no input "promt"; did you mean "prompt"?' in error_of(
        tmp_path, rows="t.jsonl", columns={"promt": "question"}
    )


def test_without_a_table_the_seeds_are_the_rows(tmp_path: Path) -> None:
    recipe = recipe_that(reads="rows", inputs=("prompt",), seed=PromptSeed)
    made = read_rows(request(recipe, tmp_path, [PromptSeed(id=f"s{n}", prompt=f"Why {n}?") for n in range(3)]))
    assert [(source.inputs["prompt"], source.group, source.shown) for source in made.sources] == [
        (f"Why {n}?", f"Why {n}?", [f"s{n}"]) for n in range(3)
    ]
    assert made.notes.lines() == ["seeds.jsonl: its seeds are the rows, because sources.rows names none"]
    with pytest.raises(UserError, match=r"seeds\.jsonl has no column 'code' for code") as caught:
        read_rows(request(recipe_that(reads="rows", inputs=("code",)), tmp_path))
    assert "a table under sources: rows:" in caught.value.hint


def broken_parquet(folder: Path) -> str:
    path = folder / "broken.parquet"
    pq.write_table(pa.table({"prompt": ["Why?"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:-100])
    return path.name


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.jsonl", None, "there is no none.jsonl"),
        ("t.txt", b"text", "is no table, which ends in .csv"),
        ("t.csv", b"", "without a readable row"),
        ("t.csv", b"prompt\n", "without a readable row"),
        ("t.jsonl", b"no json\n", "without a readable row"),
        ("t.jsonl", b"\x00\x01\x02\xff", "binary"),
        ("t.json", b'{"prompt": ', "cannot be read as a table"),
        ("t.xlsx", b"PK no workbook", "cannot be used"),
        ("t.jsonl", b'{"prompt": ""}\n', "column 'prompt' is empty"),
        ("hf://", None, "names no dataset"),
        ("hf:///nowhere/at-all", None, "could not be loaded"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert said in error_of(tmp_path, rows=name)


def test_a_broken_parquet_is_said(tmp_path: Path) -> None:
    assert "broken.parquet cannot be used: it cannot be read as a table" in error_of(
        tmp_path, rows=broken_parquet(tmp_path)
    )


def test_twenty_thousand_rows_are_not_in_memory(tmp_path: Path) -> None:
    jsonl(tmp_path / "t.jsonl", [{"prompt": f"Why {n}?", "answer": "word " * 200} for n in range(20_000)])
    read(tmp_path, rows="t.jsonl")  # what is imported late is not counted
    tracemalloc.start()
    sources = read(tmp_path, rows="t.jsonl").sources
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(sources) == 20_000
    assert peak < 5_000_000  # of 20 MB
