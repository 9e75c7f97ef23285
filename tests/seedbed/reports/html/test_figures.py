"""Each figure says what the data say, in the caption as in the table, and draws nothing where there is too little."""

import re
from pathlib import Path
from xml.dom import minidom

import numpy as np
import pytest
from support.artefacts import made
from support.planting import planted
from support.prices import free
from support.run_folders import write_map, write_run, write_sources

from metrics.calibration.calibrate import calibrate
from metrics.calibration.frozen import uncalibrated
from metrics.calibration.predictions import predictions_path, save_predictions
from metrics.worth import Worth
from optimize.artefact import Manifest, metric_path
from optimize.comparison import compare
from optimize.scoring import Scored
from optimize.variant import Lap
from programs.core.row import Drop, Source
from programs.qa.grounded_qa import QA
from seedbed.models.call_context import Scope
from seedbed.reports.html.figure import Figure
from seedbed.reports.html.figures.along import along
from seedbed.reports.html.figures.cost import cost
from seedbed.reports.html.figures.coverage import coverage
from seedbed.reports.html.figures.funnel import funnel
from seedbed.reports.html.figures.gain import gain
from seedbed.reports.html.figures.scores import scores
from seedbed.reports.html.figures.search import search
from seedbed.reports.html.figures.shape import shape
from seedbed.reports.html.figures.trust import trust
from seedbed.reports.html.figures.vector_map import vector_map
from seedbed.reports.html.run_folder import MadeWith, RunFolder
from seedbed.reports.html.svg import svg

HOSTILE = "</script><img src=x onerror=alert(1)>\x07\u202e"


def qa(n: int) -> QA:
    return QA(passage=f"Kettle {n} boils.", question=f"What does kettle {n} do?", answer=f"Kettle {n} boils.")


def folder_of(base: Path, accepted: int = 30, **fallen: int) -> RunFolder:
    """A run with so many rows, and candidates that fell for reasons; `_` in a reason stands for a space."""
    lost = [(qa(100 + n), reason.replace("_", " ")) for reason, count in fallen.items() for n in range(count)]
    return RunFolder(write_run(base / "run", "grounded-qa", [qa(n) for n in range(accepted)], fallen=lost))


def drawn(figure: Figure | None) -> str:
    """The figure's SVG, which is well-formed."""
    assert figure is not None
    assert figure.chart is not None
    text = svg(figure.chart, "f")
    minidom.parseString(text)
    return text


def numbers(figure: Figure) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)?", " ".join(cell for row in figure.table.rows for cell in row)))


def test_the_funnel_names_the_reason_that_took_most(tmp_path: Path) -> None:
    figure = funnel(folder_of(tmp_path, 30, off_topic=40, wrong_number=11))
    assert figure
    assert figure.caption == (
        "30 of 81 candidates were accepted (37%). Most of the others were lost to one reason: off topic, 40 of 51."
    )
    assert {"30", "40", "11"} <= numbers(figure)
    drawn(figure)


def test_a_hostile_reason_is_text_in_the_drawing(tmp_path: Path) -> None:
    text = drawn(funnel(RunFolder(write_run(tmp_path, "grounded-qa", [qa(1)], fallen=[(qa(2), HOSTILE)]))))
    assert "<img" not in text
    assert "&lt;img" in text
    assert not {"\x07", "\u202e"} & set(text)


def test_what_is_too_little_is_said_and_not_drawn(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 3)
    write_map(folder.path, ["accepted"] * 3)
    for figure in (along(folder), scores(folder), vector_map(folder)):
        assert figure is not None
        assert figure.chart is None
        assert "too few" in figure.caption
        assert "3" in figure.caption


def test_a_killed_run_and_an_older_one_raise_nothing(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 30)
    (folder.path / "run.json").unlink()
    killed = RunFolder(folder.path)
    assert funnel(killed)
    assert [figure(killed) for figure in (scores, coverage, vector_map, cost, shape)] == [None] * 5
    assert trust(MadeWith(tmp_path / "none.json")) is None


def test_scores_count_what_reached_the_threshold_and_what_fell_elsewhere(tmp_path: Path) -> None:
    figure = scores(folder_of(tmp_path, 30, off_topic=12))
    assert figure
    assert figure.caption.startswith(
        "A row needs a probability of 0.50; 30 reached it and were accepted, 0 did not, and 12 were scored and fell"
    )
    kept = {row[0]: row[1] for row in figure.table.rows}
    assert kept["0.50"] == "30"
    drawn(figure)


def test_coverage_counts_passages_and_names_documents_without_a_row(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 4)
    write_sources(folder.path, {"a.md": [(1, 1), (2, 0)], "b.md": [(1, 0), (0, 0), (0, 0)]})
    figure = coverage(folder)
    assert figure
    assert figure.caption == (
        "1 of 5 passages have a row, 2 were tried in vain and 2 were not reached. 1 of 2 documents have no row."
    )
    assert figure.table.rows == [["b.md", "3", "0", "1", "2"], ["a.md", "2", "1", "1", "0"]]
    drawn(figure)
    write_sources(folder.path, {f"{n:03}.md": [(1, n % 2)] for n in range(70)})
    drawn(coverage(RunFolder(folder.path)))


def test_the_map_is_the_same_each_time_and_texts_may_be_left_out(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, 4)
    write_map(folder.path, ["accepted"] * 12 + ["rejected"] * 6 + ["seed"] * 4, ["a secret"])
    first, second = vector_map(folder), vector_map(RunFolder(folder.path))
    assert drawn(first) == drawn(second)
    assert "a secret" in drawn(first)
    assert "a secret" not in drawn(vector_map(folder, texts=False))
    assert first
    assert first.caption.startswith("12 rows, 6 rejected candidates and 4 seeds")


def test_a_row_costs_what_all_candidates_took(tmp_path: Path) -> None:
    """Each candidate took 5 tokens; 10 rows and 30 rejected candidates make 20 for each row."""
    figure = cost(folder_of(tmp_path, 10, off_topic=30))
    assert figure
    assert figure.caption == (
        "An accepted row took 20 tokens: 25% of it for the row itself, the rest for what was rejected or had no "
        "candidate."
    )
    drawn(figure)


def test_lengths_are_those_of_the_rows(tmp_path: Path) -> None:
    figure = shape(folder_of(tmp_path, 8, off_topic=8))
    assert figure
    assert figure.caption == "Half of the accepted prompts have 5 words or fewer, half of the responses 3."
    drawn(figure)


@pytest.mark.parametrize(("kind", "said"), [("good", "ranks rows better than"), ("none", "is no better than")])
def test_trust_says_whether_the_metric_beats_a_trivial_rule(tmp_path: Path, kind: str, said: str) -> None:
    made_with = MadeWith(tmp_path / "small.json")
    fitted, figures, predictions = calibrate(planted(0, 0.95 if kind == "good" else 0.5), ["judge"])
    uncalibrated([], "").model_copy(update={"fitted": fitted, "figures": figures}).save(metric_path(made_with.path))
    save_predictions(predictions, predictions_path(made_with.path))
    figure = trust(made_with)
    assert figure
    assert figure.caption.startswith(f"The metric {said} the trivial rule")
    assert f"{figures.auroc:.2f}" in numbers(figure)
    shares = [row for row in figure.table.rows if row[0].startswith("rows predicted")]
    assert sum(int(re.findall(r"\((\d+)\)", row[0])[0]) for row in shares) == len(predictions)
    drawn(figure)


def manifest(before: list[float], after: list[float]) -> Manifest:
    """Of a compile that compared these scores, one a document."""

    def rows(values: list[float]) -> list[Scored]:
        drops = [None if value >= 0.5 else Drop(step="threshold", reason="low score") for value in values]
        return [
            Scored(Source(id=f"s{n}", group=f"d{n}.md", inputs={}), qa(n), Worth(score=value, drop=drop), Scope(str(n)))
            for n, (value, drop) in enumerate(zip(values, drops, strict=True))
        ]

    laps = [
        Lap(step="ask", stage=1, variant=f"v{n}", score=n / 4, n=4, length=300 * n + 200, kept=n > 1, replies=4 * n + 4)
        for n in range(3)
    ]
    comparison = compare("uncompiled", rows(before), "compiled", rows(after), free)
    return made("any", comparison=comparison, races=laps).manifest


def test_a_gain_has_the_words_of_the_comparison_and_no_other() -> None:
    better = gain(manifest([0.2] * 12, [0.9] * 12))
    assert better
    assert better.caption.startswith("Compiled against as written, on 12 held-out documents: +0.70")
    assert "better" in better.caption
    assert "0% of the candidates before and 100% after" in better.caption
    drawn(better)
    random = np.random.default_rng(1)
    before = random.uniform(0, 1, 12).tolist()
    same = gain(manifest(before, before[::-1]))
    assert same
    assert "no measurable difference" in same.caption
    assert "better" not in same.caption


def test_the_search_names_what_won() -> None:
    figure = search(manifest([0.5] * 6, [0.5] * 6))
    assert figure
    assert figure.caption == "3 variants were tried in 12 replies. What won: ask: v2 (0.50 on 4)."
    drawn(figure)
