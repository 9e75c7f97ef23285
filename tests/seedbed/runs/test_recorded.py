"""What a run's folder keeps besides its rows: enough to show the run without its project."""

import json
import math
from collections import Counter

import pyarrow.parquet as pq
import pytest
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


def test_every_source_is_counted_whether_it_was_tried_or_not(served: Served) -> None:
    assert served.run(rows=4, options__draws=2) == 0
    lines = pq.read_table(served.base / "ds" / "sources.parquet").to_pylist()
    report, rows, rejected = served.report(), served.rows(), served.rows(folder="rejected")
    assert len(lines) == len({line["id"] for line in lines}) == report["counts"]["sources"]
    assert sum(line["accepted"] for line in lines) == len(rows)
    assert sum(line["candidates"] for line in lines) == len(rows) + len(rejected)
    assert 0 < sum(line["tried"] > 0 for line in lines) < len(lines)
    for row in rows:
        (line,) = (line for line in lines if line["id"] == row["lineage"]["source"])
        span = row["lineage"]["spans"][0]
        assert (line["document"], line["start"], line["end"]) == (span["document"], span["start"], span["end"])
        assert line["accepted"] >= 1


def test_the_map_holds_rows_candidates_and_seeds_as_unit_vectors(served: Served) -> None:
    assert served.run() == 0
    lines = pq.read_table(served.base / "ds" / "map.parquet").to_pylist()
    states = Counter(line["state"] for line in lines)
    assert states["accepted"] == len(served.rows())
    assert states["seed"] > 0
    assert all(math.hypot(*line["vector"]) == pytest.approx(1, abs=1e-3) for line in lines)
    questions = {row["id"]: row["question"] for row in served.rows()}
    assert all(line["text"] == questions[line["id"]] for line in lines if line["state"] == "accepted")


def test_each_invocation_and_each_model_has_its_share(served: Served) -> None:
    assert served.run(rows=3) == 0
    assert served.run(rows=8) == 0
    report = served.report()
    first, second = report["invocations"]
    assert (first["accepted"], second["accepted"]) == (3, 8)
    assert first["calls"] + second["calls"] == report["calls"] == report["models"]["mock"]["calls"]
    assert report["models"]["mock"]["dollars"] == pytest.approx(report["dollars"])
    assert report["models"]["mock"]["seconds"] > 0


def test_a_run_says_from_outside_how_far_it_is(served: Served) -> None:
    assert served.run() == 0
    live = json.loads((served.base / "ds" / "progress.json").read_text(encoding="utf-8"))
    assert live["rows"] == 8
    assert 0 <= live["accepted"] <= 8
