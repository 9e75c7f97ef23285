"""`seedbed calibrate` through its door: the report, the frozen metric, preferences, outside scores, and mistakes."""

import json
import os
import random
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.paths import DATA, TEACHER

from metrics.calibration.frozen import load_frozen, uncalibrated
from metrics.calibration.negatives import hard_negatives, kind_of
from metrics.calibration.verdicts import LabelledCase, verdict_line
from seedbed.cli.main import main

VERDICTS = DATA / "qa" / "grounded_qa" / "pairs.jsonl"
KEYS = {
    *(
        "n",
        "coverage",
        "accuracy",
        "kappa",
        "auroc",
        "auroc_low",
        "auroc_high",
        "spearman",
        "ece",
        "judge",
        "baselines",
    ),
    *("difference", "difference_low", "difference_high", "weights", "threshold"),
}


def calibrate(folder: Path, lines: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], *more: str) -> Any:
    """Run it on these lines in a folder without a project; the JSON it prints."""
    path = folder / "verdicts.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    options = ["--out", str(folder / "METRIC.json"), "-c", str(folder / "seedbed.yaml"), "--json", *more]
    assert main(["calibrate", "--verdicts", str(path), *options]) == 0
    return json.loads(capsys.readouterr().out)


def planted(n: int, seed: int = 0, **more: Any) -> list[dict[str, Any]]:
    """Good answers say a number of their document, bad ones another; two lines a document."""
    chance, lines = random.Random(seed), []
    for i in range(n):
        number, good = chance.randrange(100, 999), i % 2
        document = f"The tower of Holm {i // 2} is {number} feet high. It has a red door and stands by the river."
        answer = f"It is {number if good else number + 7} feet high."
        question = f"How high is the tower of Holm {i // 2}?"
        lines.append({"document": document, "question": question, "answer": answer, "label": good, **more})
    return lines


def test_without_a_project_it_reports_every_key_and_freezes_the_metric(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = calibrate(tmp_path, planted(40), capsys, "--judge", "none")
    assert figures.keys() >= KEYS
    assert figures["n"] == 40
    assert figures["judge"] is None
    assert figures["coverage"] == 1
    assert figures["auroc"] == 1  # the numbers give the bad ones away, and the trivial rules cannot see it all
    assert figures["weights"]["numbers"] > 0
    assert figures["baselines"].keys() == {"length", "overlap"}
    assert load_frozen(tmp_path / "METRIC.json").hash == figures["hash"]


def test_a_metric_that_is_not_written_to_the_end_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError

    path = tmp_path / "METRIC.json"
    uncalibrated([], "one").save(path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError):  # noqa: PT011
        uncalibrated([], "other").save(path)
    assert load_frozen(path).embedder == "one"
    assert [file.name for file in tmp_path.iterdir()] == ["METRIC.json"]


def test_the_same_verdicts_freeze_the_same_metric(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = calibrate(tmp_path, planted(40), capsys, "--judge", "none")
    assert calibrate(tmp_path, planted(40), capsys, "--judge", "none") == first


def test_an_outside_judges_scores_are_used_in_place_of_a_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(1)
    lines = [
        {"document": "A pier.", "answer": "A pier.", "label": i % 2, "group": f"g{i // 3}", "scores": {"judge": score}}
        for i in range(90)
        for score in [min(1, max(0, (i % 2) * 0.4 + chance.random() * 0.6))]
    ]
    figures = calibrate(tmp_path, lines, capsys, "--judge", "none")
    assert figures["judge"]["useful"]
    assert figures["judge"]["auroc"] > 0.75
    assert figures["weights"]["judge"] > 0
    assert figures["difference_low"] > 0


def test_a_judge_that_guesses_is_of_no_use_and_gets_no_weight(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = random.Random(2)
    lines = [line | {"scores": {"judge": chance.random()}} for line in planted(60)]
    figures = calibrate(tmp_path, lines, capsys, "--judge", "none")
    assert not figures["judge"]["useful"]
    assert figures["weights"]["judge"] == 0
    assert any("of no use on these labels" in note for note in figures["notes"])


def test_a_score_that_could_not_be_taken_lowers_the_coverage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line | {"scores": {"judge": None if i % 4 == 0 else 0.5}} for i, line in enumerate(planted(40))]
    assert calibrate(tmp_path, lines, capsys, "--judge", "none")["coverage"] == 0.75


def test_preferences_are_calibrated_on_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        {"prompt": f"How high is tower {i}?", "a": "one", "b": "another", "label": 1 + i % 2, "group": f"g{i}"}
        | {"scores": {"judge": 0.2 + 0.6 * ((i % 2 == 0) ^ (i % 7 == 0))}}
        for i in range(60)
    ]
    figures = calibrate(tmp_path, lines, capsys, "--judge", "none")
    assert figures["n"] == 60
    assert figures["judge"]["auroc"] > 0.8
    assert load_frozen(tmp_path / "METRIC.json").pairs


def test_a_frozen_metric_is_checked_on_new_verdicts_without_refitting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fitted = calibrate(tmp_path, planted(40), capsys, "--judge", "none")
    before = (tmp_path / "METRIC.json").read_bytes()
    checked = calibrate(tmp_path, planted(20, 9), capsys, "--judge", "none", "--check", str(tmp_path / "METRIC.json"))
    assert (checked["n"], checked["auroc"]) == (20, 1)
    assert (checked["weights"], checked["threshold"]) == (fitted["weights"], fitted["threshold"])
    assert (tmp_path / "METRIC.json").read_bytes() == before


def test_the_shipped_verdicts_beat_chance_and_are_told_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "METRIC.json"
    code = main(["calibrate", "--verdicts", str(VERDICTS), "--out", str(out), "-c", str(tmp_path / "none.yaml")])
    output = capsys.readouterr().out
    assert code == 0
    assert "104 verdicts in 12 groups" in output
    assert "trivial rule" in output
    assert load_frozen(out).figures.auroc_low > 0.5  # type: ignore[union-attr]


def test_a_judge_of_a_project_is_asked_and_its_prompt_frozen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path / "p")]) == 0
    shutil.copy(TEACHER, tmp_path / "p" / "teacher.py")
    config = tmp_path / "p" / "seedbed.yaml"
    config.write_text(
        config.read_text(encoding="utf-8").replace("model: embedded/qwen2.5-coder-0.5b", "model: scripted/teacher.py"),
        encoding="utf-8",
    )
    capsys.readouterr()
    figures = calibrate(tmp_path / "p", planted(40), capsys, "--judge", "small")
    assert figures["judge"]["auroc"] == 1  # the scripted judge says no to a number that is not there,
    assert not figures["judge"]["useful"]  # which the words that are missing show as well
    assert any("judge and teacher are one model" in note for note in figures["notes"])
    assert (tmp_path / "p" / "calls.txt").stat().st_size >= 40
    assert load_frozen(tmp_path / "p" / "METRIC.json").judge == "small"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"answer": "x"}', "verdicts.jsonl:1: label: field required"),
        ("not json", "verdicts.jsonl:1: the line: invalid JSON"),
        ('{"answer": "x", "label": 1, "scores": {"judge": 7}}', "scores.judge"),
        ('{"prompt": "p", "a": "1", "b": "2", "label": 3}', "verdicts.jsonl:1: label"),
        ('{"answer": "x", "label": 1, "aspect": "taste"}', "aspect"),
        ('{"answer": "x", "label": 1}', "rows that people accepted"),
    ],
)
def test_a_bad_file_of_verdicts_is_a_mistake_to_mend(
    line: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "verdicts.jsonl").write_text(line + "\n", encoding="utf-8")
    options = ["--verdicts", str(tmp_path / "verdicts.jsonl"), "-c", str(tmp_path / "none.yaml")]
    assert main(["calibrate", *options]) == 2
    assert message in capsys.readouterr().err


def test_an_alias_needs_a_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--verdicts", str(VERDICTS), "--judge", "strong", "-c", str(tmp_path / "x.yaml")]) == 2
    assert "--config" in capsys.readouterr().err


def test_negatives_are_made_by_rule_marked_and_reported_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = [verdict_line(line) for line in VERDICTS.read_bytes().splitlines()]
    good = [case for case in cases if isinstance(case, LabelledCase) and case.label > 0]
    bad = hard_negatives(good)
    assert {case.made for case in bad} == {"rule"}
    assert all(case.label == 0 and case.reason.startswith("made by rule: ") for case in bad)
    assert not {(case.question, case.answer, case.document) for case in bad} & {
        (case.question, case.answer, case.document) for case in good
    }
    assert len({case.reason for case in bad}) >= 4
    assert hard_negatives(good) == bad
    dumped = [case.model_dump(mode="json") for case in [*cases, *bad]]
    figures = calibrate(tmp_path, dumped, capsys, "--judge", "none")
    assert figures["n"] == 104
    assert figures["by_rule"]["n"] == len(bad) + len(good)
    kinds = Counter(kind_of(case) for case in bad)
    assert {name: kind["n"] for name, kind in figures["kinds"].items()} == {
        **kinds,
        "good": len(good),
        "bad": 104 - len(good),
    }
    assert all(
        0 <= kind["accepted_low"] <= kind["accepted"] <= kind["accepted_high"] <= 1
        for kind in figures["kinds"].values()
    )


def test_what_is_accepted_of_each_kind_is_told_in_words_of_a_frozen_metric_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, lines = tmp_path / "verdicts.jsonl", planted(40)
    by_rule = [line | {"made": "rule", "reason": "made by rule: number swapped"} for line in lines if not line["label"]]
    path.write_text("".join(json.dumps(line) + "\n" for line in [*lines, *by_rule]), encoding="utf-8")
    out, options = tmp_path / "METRIC.json", ["-c", str(tmp_path / "none.yaml")]
    for more in (["--out", str(out)], ["--check", str(out)]):
        assert main(["calibrate", "--verdicts", str(path), *options, *more]) == 0
        output = capsys.readouterr().out
        assert re.search(r"accepted of number swapped, 20 +0% \[", output)
        assert "accepted of good rows, 20" in output


# a model's likelihoods


def test_a_likelihood_is_bound_to_the_model_that_gave_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path / "p")]) == 0
    shutil.copy(TEACHER, tmp_path / "p" / "teacher.py")
    config = tmp_path / "p" / "seedbed.yaml"
    text = config.read_text(encoding="utf-8").replace("embedded/qwen2.5-coder-0.5b", "scripted/teacher.py")
    config.write_text(text, encoding="utf-8")
    capsys.readouterr()
    calibrate(tmp_path / "p", planted(40), capsys, "--judge", "none")
    metric = tmp_path / "p" / "METRIC.json"
    load_frozen(metric).model_copy(update={"reader": "scripted|another"}).save(metric)
    where = ["-c", str(config), "--check", str(metric), "--verdicts", str(tmp_path / "p" / "verdicts.jsonl")]
    assert main(["calibrate", *where, "--judge", "small"]) == 2
    assert "weighs how likely answers are to scripted|another" in capsys.readouterr().err
    assert main(["calibrate", *where, "--judge", "none"]) == 0
