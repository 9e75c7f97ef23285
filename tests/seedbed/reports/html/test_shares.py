"""Shares of many rows: added up by group, they are those of the rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.calibration.intervals import share_interval
from seedbed.reports.html.shares import change_by_group, mean_by_group


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abcdefg")), min_size=1, max_size=40))
def test_the_mean_by_group_is_that_of_the_rows(rows: list[tuple[bool, str]]) -> None:
    flags, groups = (list(column) for column in zip(*rows, strict=True))
    by_row = share_interval([float(flag) for flag in flags], groups)
    by_group = mean_by_group(np.array(flags), groups)
    assert (by_group.mean, by_group.low, by_group.high) == pytest.approx((by_row.mean, by_row.low, by_row.high))


def test_a_planted_change_is_found_and_none_where_there_is_none() -> None:
    rng = np.random.default_rng(0)
    place, groups = np.arange(4000), [f"d{number % 40}" for number in range(4000)]
    early, late = place < 1000, place >= 3000
    falling = change_by_group(rng.random(4000) < np.where(late, 0.3, 0.5), early, late, groups)
    level = change_by_group(rng.random(4000) < 0.5, early, late, groups)
    assert falling.low < -0.2 < falling.high < 0
    assert level.low < 0 < level.high
