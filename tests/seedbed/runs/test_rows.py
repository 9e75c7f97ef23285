"""Rows of every kind have columns: what pydantic can hold and Arrow too comes back as it was written."""

from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from support.kinds import ROWS as ROWS_OF_KINDS

from metrics.worth import Worth
from optimize.scoring import Scored
from programs.core.kinds import KINDS, Chat, Preference
from programs.core.recipe import recipes
from programs.core.row import Candidate, Drop, Source
from programs.instructions.lab import Lab
from seedbed.config.load import Config
from seedbed.errors import UserError
from seedbed.project.inputs import Inputs
from seedbed.runs.rows import candidate_of, rejected, row
from seedbed.storage.arrow import arrow_fields
from seedbed.storage.row_schema import REJECTED, row_schema


class Turn(BaseModel):
    role: Literal["user", "assistant"] = "user"
    content: str | None = None


class Anything(Chat):
    turns: list[Turn] = Field(default_factory=list)
    rating: Literal[1, 2, 3] | None = None
    steps: list[list[str]] = Field(default_factory=list)
    last: Turn = Turn()
    share: float = 0.0


TURNS = st.builds(Turn, role=st.sampled_from(["user", "assistant"]), content=st.none() | st.text(max_size=5))
ROWS = st.builds(
    Anything,
    turns=st.lists(TURNS, max_size=3),
    rating=st.none() | st.sampled_from([1, 2, 3]),
    steps=st.lists(st.lists(st.text(max_size=3), max_size=2), max_size=2),
    last=TURNS,
    share=st.floats(0, 1),
)


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_nested_rows_come_back_from_parquet_as_they_were(rows: list[Anything]) -> None:
    schema = pa.schema([column for column in arrow_fields(Anything) if column[0] != "dropped"])
    written = [row.model_dump(exclude={"dropped"}) for row in rows]
    file = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(written, schema), file)
    read = pq.read_table(pa.BufferReader(file.getvalue())).to_pylist()
    assert [Anything.model_validate(row) for row in read] == rows


def with_field(name: str, annotation: Any) -> type[Candidate]:
    """A class of rows with one field."""
    fields = {"__annotations__": {name: annotation}, name: None, "__module__": __name__}
    return type("Odd", (Chat,), fields)


@pytest.mark.parametrize("annotation", [dict[str, str], str | int, Literal[1, "two"], Any])
def test_a_field_that_no_column_holds_is_named_before_anything_is_paid(annotation: Any) -> None:
    with pytest.raises(TypeError, match=r"Odd\.extra: a row has no column for"):
        row_schema(with_field("extra", annotation))


@pytest.mark.parametrize("name", ["id", "messages", "score", "scores", "unscored", "lineage"])
def test_a_field_may_not_have_the_name_of_a_column_of_all_rows(name: str) -> None:
    with pytest.raises(TypeError, match=rf"Odd\.{name}: every row has a column {name}"):
        row_schema(with_field(name, str))


@pytest.mark.parametrize(("name", "annotation"), [("lineage", str), ("extra", dict[str, str])])
def test_a_recipe_whose_rows_cannot_be_stored_is_refused_when_its_project_is_opened(
    name: str, annotation: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lab, "row", with_field(name, annotation))
    config = {"recipe": "lab", "models": {"m": {"model": "scripted/m.py"}}, "roles": {"teacher": "m"}, "seeds": "s"}
    with pytest.raises(UserError, match=rf"recipe: the rows of lab cannot be stored: Odd\.{name}: "):
        Inputs(Config.model_validate(config), tmp_path)


@pytest.mark.parametrize("recipe", recipes())
def test_every_recipe_has_columns_for_its_rows(recipe: str) -> None:
    kind = recipes()[recipe].program.row
    base = [*kind.Base.model_fields]
    own = [name for name in kind.model_fields if name not in ("dropped", *base)]
    assert row_schema(kind).names == ["id", *base, *own, "score", "scores", "unscored", "lineage"]


class Named(Candidate):
    """A row whose fields have the names of what a row's lineage holds, and of a rejected one's columns."""

    source: str = ""
    teacher: list[str] = Field(default_factory=list)
    group: int = 0
    candidate: bool = False
    models: list[str] = Field(default_factory=list)

    @property
    def prompt(self) -> str:
        return self.source

    @property
    def response(self) -> str:
        return ""


SHARED = {"recipe": "lab", "teacher": "a", "stood_in": ["b"], "seeds": ["s2"], "attempt": "t", "index": 3}
NAMED = Named(source="a page", teacher=["Ann"], group=7, candidate=True)


def scored(candidate: Candidate, drop: Drop | None = None, **origin: Any) -> Scored:
    source = Source(id="x1", group="a.md", inputs={}, origin=origin, shown=["s1"])
    return Scored(source, candidate, Worth(score=0.5, parts={"support": 0.5}, drop=drop))


def stored(record: dict[str, Any], schema: pa.Schema) -> dict[str, Any]:
    """A row as it is read from a shard."""
    file = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([record], schema), file)
    return dict(pq.read_table(pa.BufferReader(file.getvalue())).to_pylist()[0])


def test_a_recipe_names_its_fields_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lab, "row", Named)
    accepted = stored(row(scored(NAMED), SHARED, {}), row_schema(Named))
    assert (accepted["source"], accepted["lineage"]["source"]) == ("a page", "x1")
    assert candidate_of(accepted, accepted=True) == NAMED
    drop = Drop(step="veto", reason="wrong number")
    assert candidate_of(stored(rejected("r", scored(NAMED, drop), SHARED, {}), REJECTED), accepted=False) == NAMED


@pytest.mark.parametrize(
    ("origin", "documents"),
    [
        ({}, []),
        ({"leaf": "travel"}, []),
        ({"document": "a.md", "start": 3, "end": 9}, ["a.md"]),
        ({"spans": [{"document": "a.md", "start": 3}, {"document": "b.md"}]}, ["a.md", "b.md"]),
    ],
    ids=["nothing", "no document", "one span", "two spans"],
)
def test_a_lineage_names_every_span(origin: dict[str, Any], documents: list[str]) -> None:
    lineage = stored(row(scored(NAMED, **origin), SHARED, {}), row_schema(Named))["lineage"]
    assert [span["document"] for span in lineage["spans"]] == documents
    assert [span["start"] for span in lineage["spans"][:1]] == [3][: len(documents)]
    assert (lineage["group"], lineage["seeds"]) == ("a.md", ["s2", "s1"])


def test_a_lineage_names_parents_models_and_their_licences() -> None:
    licences = {"a": "Apache-2.0", "b": "MIT", "c": "Apache-2.0"}
    lineage = row(scored(NAMED, parents=["r1", "r2"]), SHARED, licences)["lineage"]
    assert (lineage["parents"], lineage["models"], lineage["licences"]) == (
        ["r1", "r2"],
        ["a", "b"],
        ["Apache-2.0", "MIT"],
    )
    pair = Preference(instruction="Sum 2 and 3.", chosen_answer="5", rejected_answer="6", models=["c", "d", "a"])
    lineage = row(scored(pair), SHARED, licences)["lineage"]
    assert (lineage["parents"], lineage["models"]) == ([], ["c", "d", "a", "b"])
    assert lineage["licences"] == ["Apache-2.0", "MIT"]  # that of d is not known


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_row_of_every_kind_comes_back_from_parquet_as_it_was(kind: type[Candidate], data: st.DataObject) -> None:
    rows = data.draw(st.lists(ROWS_OF_KINDS[kind], min_size=1, max_size=3))
    schema = row_schema(type(rows[0]))
    assert len(set(schema.names)) == len(schema.names)
    file = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist([row.columns() for row in rows], schema), file)
    read = pq.read_table(pa.BufferReader(file.getvalue())).to_pylist()
    assert [{name: row[name] for name in rows[0].columns()} for row in read] == [row.columns() for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_a_trainers_columns_come_after_the_id_and_before_the_recipes(kind: type[Candidate]) -> None:
    names, base = row_schema(kind).names, list(kind.Base.model_fields)
    assert names[: len(base) + 1] == ["id", *base]
