"""What a run's folder keeps besides its rows: enough to show the run without its project."""

from support.hostile import says
from support.served import Served, every, served

__all__ = ["served"]


def test_every_row_has_its_place_and_the_probability_of_the_fit(served: Served) -> None:
    served.server.plan(every(5, says("[[ ## answer ## ]]\nNo\n\n[[ ## completed ## ]]")))
    assert served.run(rows=12, options__draws=3) == 0
    accepted, rejected = served.rows(), served.rows(folder="rejected")
    for row in accepted:
        assert row["lineage"]["probability"] == row["score"]
    scored = [row for row in rejected if row["scores"]]
    assert scored
    assert all(0 <= row["lineage"]["probability"] <= 1 for row in scored)
    assert any(row["score"] == 0 < row["lineage"]["probability"] for row in scored)  # another gate dropped it
    assert all(row["lineage"]["probability"] is None for row in rejected if not row["scores"])
    places = {(row["lineage"]["position"], row["lineage"]["index"]) for row in [*accepted, *rejected]}
    assert len(places) == len(accepted) + len(rejected)
    assert {position for position, _ in places} == set(range(len({position for position, _ in places})))
