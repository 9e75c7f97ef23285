"""A row of every kind can be shown in the terminal, with all texts that a student reads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kinds import ROWS

from programs.core.kinds import KINDS
from programs.core.row import Candidate
from seedbed.reports.rows import row_lines


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_row_of_every_kind_shows_what_a_student_reads(kind: type[Candidate], data: st.DataObject) -> None:
    row = data.draw(ROWS[kind])
    shown = "\n".join(row_lines(row.columns()))
    assert all(part in shown for text in row.texts() for part in text.splitlines())
