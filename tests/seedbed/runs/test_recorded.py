"""What a run's folder keeps besides its rows: enough to show the run without its project."""

import json

from support.hostile import says
from support.served import Served, every, served

from seedbed.cli.main import main

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


def test_an_uncompiled_run_keeps_its_prompts_and_its_metric(served: Served) -> None:
    assert served.run() == 0
    kept = served.base / "ds" / "made_with"
    assert sorted(path.name for path in kept.iterdir()) == ["mock.metric.json", "mock.uncompiled.json"]
    threshold = json.loads((kept / "mock.metric.json").read_text(encoding="utf-8"))["fitted"]["threshold"]
    assert served.report()["threshold"] == threshold
    assert served.run(out="strict", gates__threshold=0.7) in (0, 1)
    assert served.report("strict")["threshold"] == 0.7


def test_a_compiled_run_keeps_the_files_of_its_compile(served: Served) -> None:
    config = str(served.base / "seedbed.yaml")
    assert main(["compile", "-c", config, "--set", "compile.compare=2"]) in (0, 1)
    assert main(["run", "-c", config, "--rows", "3", "--out", str(served.base / "ds")]) in (0, 1)
    compiled = {path.name: path.read_bytes() for path in served.base.glob("compiled/*/mock.*")}
    kept = {path.name: path.read_bytes() for path in (served.base / "ds" / "made_with").iterdir()}
    assert len(kept) == 5
    assert kept == {name: compiled[name] for name in kept}
