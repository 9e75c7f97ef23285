"""Rows of every kind have columns: what pydantic can hold and Arrow too comes back as it was written."""

from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from programs.core.recipe import recipes
from programs.core.row import Candidate
from seedbed.runs.arrow import arrow_fields
from seedbed.runs.rows import row_schema


class Turn(BaseModel):
    role: Literal["user", "assistant"] = "user"
    content: str | None = None


class Anything(Candidate):
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


@pytest.mark.parametrize("annotation", [dict[str, str], str | int, Literal[1, "two"], Any])
def test_a_field_that_no_column_holds_is_named_before_anything_is_paid(annotation: Any) -> None:
    kind = type("Odd", (Candidate,), {"__annotations__": {"extra": annotation}, "extra": None, "__module__": __name__})
    with pytest.raises(TypeError, match=r"Odd\.extra: a row has no column for"):
        row_schema(kind)


@pytest.mark.parametrize("recipe", recipes())
def test_every_recipe_has_columns_for_its_rows(recipe: str) -> None:
    kind = recipes()[recipe].program.row
    own = set(kind.model_fields) - {"dropped"}
    assert own | {"id", "messages", "score", "document", "index"} <= set(row_schema(kind).names)
