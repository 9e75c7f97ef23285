"""Figures say what the records hold: every number of a caption is in its table, and the numbers are right."""

import importlib
import inspect
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.report_folders import THRESHOLD, Plan, write_folder, write_verdicts

from seedbed.reports.html.figure import Figure
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.svg import svg

OF_RUN = (
    "funnel",
    "along",
    "scores",
    "what_if",
    "parts",
    "coverage",
    "cost",
    "shape",
    "questions",
    "text_map",
    "people",
)
OF_PROGRAM = ("reliability", "trust", "before_after", "search", "best_so_far")
NAMES = (*OF_RUN, *OF_PROGRAM)
CONSTANTS = {"95", "0.05"}  # the level of every interval, and the width of a bin
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
PLANS = {
    "plain": Plan(),
    "cascade": Plan(teachers=("small", "large"), draws=3),
    "no price": Plan(dollars=None),
    "many documents": Plan(documents=70, passages=2, draws=1),
    "no gain": Plan(gain=0.0),
    "trivial": Plan(trivial=True),
    "three rows": Plan(documents=3, passages=1, untouched=0, draws=1, compared=3),
}


def figure(name: str, run: RunFolder) -> Figure | None:
    """The figure of this name, of the run or of its first program."""
    draws: Callable[..., Figure | None] = getattr(importlib.import_module(f"seedbed.reports.html.figures.{name}"), name)
    assert len(inspect.signature(draws).parameters) >= 1
    return draws(run) if name in OF_RUN else draws(run.made_with[0])


def drawn(name: str, run: RunFolder) -> Figure:
    made = figure(name, run)
    assert made
    return made


def numbers(texts: Iterable[str]) -> set[str]:
    return {number.rstrip(",") for text in texts for number in NUMBER.findall(text)}


def rows(run: RunFolder, kind: str) -> list[dict[str, Any]]:
    return [row for path in sorted((run.path / kind).glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    folders = {name: write_folder(tmp_path_factory.mktemp("run") / "ds", plan) for name, plan in PLANS.items()}
    for folder in folders.values():
        write_verdicts(folder)
    return {name: RunFolder(folder) for name, folder in folders.items()}


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_caption_stands_in_its_table(name: str, plan: str, runs: dict[str, RunFolder]) -> None:
    made = drawn(name, runs[plan])
    cells = [*made.table.headings, *(cell for row in made.table.rows for cell in row)]
    assert all(len(row) == len(made.table.headings) for row in made.table.rows)
    assert numbers([made.caption]) - numbers(cells) <= CONSTANTS
    assert made.caption[-1] == "."


@pytest.mark.parametrize("name", NAMES)
def test_a_figure_is_the_same_twice(name: str, runs: dict[str, RunFolder]) -> None:
    first, second = (drawn(name, RunFolder(runs["plain"].path)) for _ in range(2))
    assert (first.caption, first.table) == (second.caption, second.table)
    assert svg(first.chart) == svg(second.chart)


def test_the_funnel_counts_each_reason_in_the_order_of_the_gates(runs: dict[str, RunFolder]) -> None:
    run = runs["plain"]
    made, rejected, accepted = drawn("funnel", run), rows(run, "rejected"), rows(run, "rows")
    counted = Counter((row["step"], row["reason"]) for row in rejected)
    assert {(row[0], row[1]): int(row[2]) for row in made.table.rows[1:-1]} == counted
    steps = list(dict.fromkeys(row[0] for row in made.table.rows[1:-1]))
    assert steps == ["ask_question", "veto", "round trip", "judge grounded", "threshold", "duplicate"]
    (_, reason), worst = counted.most_common(1)[0]
    assert f"{worst} of {len(rejected) + len(accepted)} candidates" in made.caption
    assert f"lost to one reason: {reason}." in made.caption
    assert made.table.rows[-2][-1] == made.table.rows[-1][-1] == str(len(accepted))


def test_a_cascade_stands_side_by_side(runs: dict[str, RunFolder]) -> None:
    run = runs["cascade"]
    made = drawn("funnel", run)
    both = Counter(row["lineage"]["teacher"] for kind in ("rows", "rejected") for row in rows(run, kind))
    places = [made.table.headings.index(teacher) for teacher in ("small", "large")]
    assert [int(made.table.rows[0][place].replace(",", "")) for place in places] == [both["small"], both["large"]]
    assert "large, accepted:" in svg(made.chart)


def test_scores_are_counted_on_either_side_of_the_threshold(runs: dict[str, RunFolder]) -> None:
    run = runs["plain"]
    made = drawn("scores", run)
    accepted = [row["lineage"]["probability"] for row in rows(run, "rows")]
    other = [row for row in rows(run, "rejected") if row["step"] != "threshold"]
    near = sum(THRESHOLD <= probability < THRESHOLD + 0.05 for probability in accepted)
    high = sum((row["lineage"]["probability"] or 0) >= THRESHOLD for row in other)
    assert f"{near} of {len(accepted)} accepted rows" in made.caption
    assert f"{high} candidates above it" in made.caption
    assert f"threshold {THRESHOLD:.2f}" in svg(made.chart)
    unscored = sum(row["lineage"]["probability"] is None for row in other)
    assert made.table.rows[-1][-1] == str(unscored)


def test_what_if_keeps_what_reaches_each_threshold(runs: dict[str, RunFolder]) -> None:
    run = runs["plain"]
    seen = [row["lineage"]["probability"] for row in rows(run, "rows")]
    seen += [row["lineage"]["probability"] for row in rows(run, "rejected") if row["reason"] == "low score"]
    for at, kept, precision in drawn("what_if", run).table.rows:
        reached = [probability for probability in seen if probability >= float(at)]
        assert int(kept) == len(reached)
        assert precision == f"{np.mean(reached):.0%}"


def test_the_run_that_dries_up_is_called_so(tmp_path: Path) -> None:
    run = RunFolder(write_folder(tmp_path / "ds", Plan(documents=60, draws=3)))
    made = drawn("along", run)
    assert made.caption.startswith("The accepted share fell from")
    assert {"draw 2", "draw 3"} <= set(re.findall(r"draw \d", svg(made.chart)))


def test_coverage_lists_documents_without_a_row_first(runs: dict[str, RunFolder]) -> None:
    for plan in ("plain", "many documents"):
        made, sources = drawn("coverage", runs[plan]), pq.read_table(runs[plan].path / "sources.parquet").to_pylist()
        with_rows = {line["document"] for line in sources if line["accepted"]}
        bare = {line["document"] for line in sources} - with_rows
        assert f"{len(bare)} of {PLANS[plan].documents} documents without a row" in made.caption
        assert {row[0] for row in made.table.rows[2 : 2 + len(bare)]} == bare
        reached = sum(line["accepted"] > 0 for line in sources)
        assert f"{reached} of {len(sources)} passages" in made.caption
        assert made.table.rows[0][-1] == str(sum(line["accepted"] for line in sources))


def test_cost_is_shared_out_among_accepted_rows(runs: dict[str, RunFolder]) -> None:
    run = runs["plain"]
    accepted, rejected = rows(run, "rows"), rows(run, "rejected")
    paid = sum(row["lineage"]["dollars"] for row in (*accepted, *rejected)) + 2 * 0.003
    caption = drawn("cost", run).caption
    assert f"An accepted row took ${paid / len(accepted):.4f}" in caption
    assert f"of all ${paid:.4f}" in caption
    assert "tokens" in drawn("cost", runs["no price"]).caption


def test_shape_counts_words(runs: dict[str, RunFolder]) -> None:
    run = runs["plain"]
    words = [len(row["question"].split()) for row in rows(run, "rows")]
    assert f"half of the prompts have at most {round(np.median(words), 1):g} words" in drawn("shape", run).caption


def test_parts_compare_accepted_with_rejected_rows(runs: dict[str, RunFolder]) -> None:
    run = runs["plain"]
    means = {
        kind: np.mean(
            [part["score"] for row in rows(run, kind) for part in row["scores"] if part["part"] == "grounded"]
        )
        for kind in ("rows", "rejected")
    }
    caption = drawn("parts", run).caption
    assert f"grounded: {means['rows']:.2f} on average for accepted rows, {means['rejected']:.2f}" in caption


def test_the_forest_has_a_line_for_each_document_and_the_word_of_the_comparison(runs: dict[str, RunFolder]) -> None:
    made, manifest = drawn("before_after", runs["plain"]), runs["plain"].made_with[0].manifest
    assert manifest
    assert manifest.comparison
    assert manifest.comparison.difference.verdict == "better"
    assert made.caption.split(". ")[0].endswith("documents: better")
    lines = {row[0]: row for row in made.table.rows}
    for document in {pair.group for pair in manifest.pairs}:
        own = [pair.metric_after - pair.metric_before for pair in manifest.pairs if pair.group == document]
        assert lines[document][-1].startswith(f"{np.mean(own):+.2f}")
    changes = [float(row[-1].split()[0]) for row in made.table.rows[3:]]
    assert changes == sorted(changes, reverse=True)


def test_without_a_measurable_gain_nothing_is_called_better(runs: dict[str, RunFolder]) -> None:
    made = drawn("before_after", runs["no gain"])
    assert "no measurable difference" in made.caption
    assert "better" not in f"{made.caption} {made.table} {svg(made.chart)}"
    assert "too few documents to say" in drawn("before_after", runs["three rows"]).caption


def test_a_metric_that_is_no_better_than_length_is_called_so_first(runs: dict[str, RunFolder]) -> None:
    first = drawn("trust", runs["trivial"]).caption.split(". ")[0]
    assert "is no better than the trivial rule length" in first
    assert "no better" not in drawn("trust", runs["plain"]).caption


def test_reliability_counts_the_verdicts_of_each_bin(runs: dict[str, RunFolder]) -> None:
    predictions = runs["plain"].made_with[0].predictions
    counted = Counter(min(int(prediction.probability * 10), 9) for prediction in predictions)
    *bins, error = drawn("reliability", runs["plain"]).table.rows
    assert {int(float(row[0].split()[0]) * 10): int(row[-1]) for row in bins} == counted
    assert error[-1] == str(len(predictions))


def test_the_search_rings_the_variant_that_won_each_step(runs: dict[str, RunFolder]) -> None:
    manifest, made = runs["plain"].made_with[0].manifest, drawn("search", runs["plain"])
    assert manifest
    chosen = {row[0]: row[2] for row in made.table.rows if row[-1] == "chosen"}
    for step, variant in chosen.items():
        last = max(lap.stage for lap in manifest.races if lap.step == step)
        kept = [lap for lap in manifest.races if lap.step == step and lap.stage == last and lap.kept]
        assert variant == max(kept, key=lambda lap: lap.score).variant
        assert f"{step}: {variant}," in made.caption
    assert chosen.keys() == {"ask_question", "answer_question"}


def test_the_map_says_how_far_rejected_rows_lie_from_accepted_ones(runs: dict[str, RunFolder]) -> None:
    run = runs["plain"]
    lines = pq.read_table(run.path / "map.parquet").to_pylist()
    vectors = {
        state: np.array([line["vector"] for line in lines if line["state"] == state])
        for state in ("accepted", "rejected", "seed")
    }
    own = vectors["rejected"] @ vectors["rejected"].T - 2 * np.eye(len(vectors["rejected"]))
    nearer = (vectors["rejected"] @ vectors["accepted"].T).max(axis=1) > own.max(axis=1)
    caption = drawn("text_map", run).caption
    assert f"{nearer.mean():.0%} of the rejected candidates" in caption
    assert f"cosine of {(vectors['seed'] @ vectors['accepted'].T).max(axis=1).min():.2f}" in caption


def test_a_map_without_texts_shows_none(runs: dict[str, RunFolder]) -> None:
    from seedbed.reports.html.figures.text_map import text_map

    with_texts, bare = (text_map(runs["plain"], texts=texts) for texts in (True, False))
    assert with_texts
    assert bare
    questions = [row["question"] for row in rows(runs["plain"], "rows")]
    shown, hidden = svg(with_texts.chart), svg(bare.chart)
    assert all(question in shown for question in questions)
    assert not any(question in hidden for question in questions)


def test_people_s_verdicts_are_counted_by_what_became_of_the_row(tmp_path: Path) -> None:
    run = RunFolder(write_folder(tmp_path / "ds"))
    assert figure("people", run) is None
    said = write_verdicts(run.path)
    run = RunFolder(run.path)
    made = drawn("people", run)
    accepted = [said[row["id"]] for row in rows(run, "rows") if row["id"] in said]
    rejected = [said[row["id"]] for row in rows(run, "rejected") if row["id"] in said]
    assert [line[:3] for line in made.table.rows[:2]] == [
        ["accepted", str(len(accepted)), str(sum(accepted))],
        ["all rejected", str(len(rejected)), str(sum(rejected))],
    ]
    assert sum(int(line[1]) for line in made.table.rows[2:]) == len(rejected)
    assert f"People called {sum(accepted)} of {len(accepted)} accepted rows that they read good" in made.caption
    assert "no share of all rows" in made.caption


def test_three_rows_draw_no_curve_and_the_caption_says_why(runs: dict[str, RunFolder]) -> None:
    for name in ("along", "scores", "what_if", "parts", "shape", "questions", "text_map"):
        made = drawn(name, runs["three rows"])
        assert made.chart is None
        assert "too few" in made.caption.lower()


def test_a_killed_run_shows_what_it_has(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    shutil.copytree(runs["plain"].path, tmp_path / "ds")
    for left_out in ("run.json", "sources.parquet", "map.parquet"):
        (tmp_path / "ds" / left_out).unlink()
    run = RunFolder(tmp_path / "ds")
    made = {name: figure(name, run) for name in OF_RUN}
    assert [name for name, drawing in made.items() if drawing is None] == [
        "what_if",
        "coverage",
        "questions",
        "text_map",
        "people",
    ]
    assert "the threshold is not recorded yet" in drawn("scores", run).caption
    assert drawn("funnel", run).table.rows[0] == drawn("funnel", runs["plain"]).table.rows[0]


def test_an_empty_folder_draws_nothing(tmp_path: Path) -> None:
    assert [figure(name, RunFolder(tmp_path)) for name in OF_RUN] == [None] * len(OF_RUN)


def test_a_run_of_an_older_seedbed_lacks_figures_but_raises_nothing(runs: dict[str, RunFolder], tmp_path: Path) -> None:
    """It wrote no place and no probability, no sources and no map."""
    shutil.copytree(runs["plain"].path, tmp_path / "ds")
    for path in tmp_path.glob("ds/*/*.parquet"):
        _without(path, ("position", "draw", "probability"))
    for left_out in ("sources.parquet", "map.parquet"):
        (tmp_path / "ds" / left_out).unlink()
    report = json.loads((tmp_path / "ds" / "run.json").read_text(encoding="utf-8"))
    (tmp_path / "ds" / "run.json").write_text(json.dumps({**report, "threshold": None}), encoding="utf-8")
    made = {name: figure(name, RunFolder(tmp_path / "ds")) for name in NAMES}
    missing = [name for name, drawing in made.items() if drawing is None]
    assert missing == ["along", "scores", "what_if", "coverage", "text_map", "people"]


def _without(path: Path, fields: tuple[str, ...]) -> None:
    """Leave fields of the lineage out of a shard."""
    table = pq.read_table(path)
    lineage = [
        {name: value for name, value in row.items() if name not in fields} for row in table["lineage"].to_pylist()
    ]
    place = table.column_names.index("lineage")
    pq.write_table(table.set_column(place, "lineage", pa.array(lineage)), path)
