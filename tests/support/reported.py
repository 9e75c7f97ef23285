"""Runs to write a report about: a compile and a run by a scripted teacher, and what runs made by hand leave out."""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from support.projects import project

from seedbed.cli.main import main

HOSTILE = "</script><img src=x onerror=alert(1)>"
DOCUMENT = "\n\n".join(
    f"The gate of lock {number} is kept by a {HOSTILE} warden, who has {number} keys & a <b>lamp</b>. "
    f"It was built in {1800 + number} and opens at {number} in the morning."
    for number in range(1, 25)
)
RECORD: dict[str, Any] = {
    "rows": 2,
    "content": "c0ffee",
    "stopped": "2 rows are accepted",
    "options": {},
    "counts": {"accepted": 2, "candidates": 2, "splits": {"train": 2}, "rejected": {}},
    "input_tokens": 600,
    "output_tokens": 80,
    "dollars": 0.5,
    "warnings": [],
    "program": "p",
    "compiled_for": ["small"],
    "metric": "m",
    "judges": [],
    "embedded": {},
    "versions": {"seedbed": "0"},
    "variety": None,
    "config": {
        "run": {"shards": None, "random_seed": 0},
        "gates": {"test_sets": []},
        "roles": {"teacher": "small"},
        "models": {"small": {"model": "scripted/teacher.py", "allows_training": True}},
    },
}


def as_finished(folder: Path) -> Path:
    """Add to a run made by hand what run.json of a finished run has besides."""
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | RECORD), encoding="utf-8")
    return folder


def reported(folder: Path, *, compiled: bool = True, documents: Mapping[str, str] | None = None) -> Path:
    """A project with a compile (unless `compiled` is False) and a run of 16 rows in its folder `ds`, each with its
    page. `documents`: texts by name in place of the shipped ones."""
    project(folder)
    if documents is not None:
        shutil.rmtree(folder / "documents")
        (folder / "documents").mkdir()
        for name, text in documents.items():
            (folder / "documents" / name).write_text(text, encoding="utf-8")
    config = (folder / "seedbed.yaml").read_text(encoding="utf-8")
    config = re.sub(r"(?m)^embedder: \S+", "embedder: scripted/hashed-words", config)
    config = config.replace("compare: 36", "compare: 16").replace("budget: light", "budget: quick")
    config = re.sub(r"(?m)^gates:$", "gates:\n  relevance: 0.05\n  threshold: 0.3", config)
    (folder / "seedbed.yaml").write_text(f"{config}report: true\n", encoding="utf-8")
    where = ["-c", str(folder / "seedbed.yaml")]
    if compiled:
        main(["compile", *where])
    how = [] if compiled else ["--uncompiled"]
    main(["run", *where, "--out", str(folder / "ds"), "--rows", "16", *how])
    return folder
