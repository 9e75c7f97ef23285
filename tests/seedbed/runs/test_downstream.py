"""A run of labelled rows says what they are worth to a classifier: in run.json, in its summary and on its card."""

import json
from collections import Counter
from pathlib import Path

import pytest
from support.projects import rows

from metrics.extrinsic import Extrinsic
from seedbed.cli.main import main
from seedbed.config.load import load_config
from seedbed.project.project import Project

TEACHER = """
from support.scripted_program import teacher
from support.vocabulary import fill

WAYS = {
    "tracing": "Where is the {adjective} {noun} with the {noun2} now?",
    "redirection": "Please bring the {adjective} {noun} to the {noun2} instead.",
    "refund": "Please pay for the {adjective} {noun} and the {noun2}.",
    "complaint": "Your driver was rude to the {adjective} {noun} and the {noun2}.",
    "finding": "We counted a {adjective} {noun} for each {noun2}.",
    "interpretation": "It seems that the {adjective} {noun} comes from the {noun2}.",
    "limitation": "We cannot say whether the {adjective} {noun} is a {noun2}.",
    "recommendation": "The council should try a {adjective} {noun} beside the {noun2}.",
}

def write(inputs):
    return {"text": fill(WAYS[inputs["label"]], *sorted(inputs.items()))}

def classify(inputs):
    return {"label": next(label for label, way in WAYS.items() if inputs["text"].startswith(way.split("{")[0]))}

reply = teacher("label-to-text", {"write_text": write, "classify": classify})
"""


def test_a_run_of_labelled_rows_says_what_they_are_worth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, config = tmp_path / "out", tmp_path / "project/seedbed.yaml"
    assert main(["init", str(config.parent), "--recipe", "label-to-text"]) == 0
    (config.parent / "teacher.py").write_text(TEACHER, encoding="utf-8")
    sets = ("models.small.model=scripted/teacher.py", "embedder=scripted/hashed-words")
    words = ["--uncompiled", "--rows=40", *(f"--set={value}" for value in sets)]
    capsys.readouterr()
    assert main(["run", "-c", str(config), "--out", str(out), *words]) == 0
    report = json.loads((out / "run.json").read_text(encoding="utf-8"))
    figures, project = Extrinsic.model_validate(report["extrinsic"]), Project(load_config(config), config.parent)
    assert (figures.rows, figures.seeds, figures.tested) == (40, len(project.training_seeds), len(project.test_seeds))
    assert str(figures) in capsys.readouterr().out
    assert f"## Use\n\nA{str(figures)[1:]}." in (out / "README.md").read_text(encoding="utf-8")
    made = rows(out)
    counts = Counter(row["label"] for row in made)
    assert len(counts) == 8
    assert min(counts.values()) >= 4  # of those dealt, a few are near duplicates
    assert {seed for row in made for seed in row["lineage"]["seeds"]} <= {seed.id for seed in project.training_seeds}
    assert report["counts"]["splits"].keys() == {"train", "validation"}
