"""A small project whose teacher is scripted, and what came of its runs."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from support.paths import TEACHER

from seedbed.cli.main import main


def project(folder: Path, recipe: str = "grounded-qa") -> Path:
    """`seedbed init` and a scripted teacher in place of the embedded one. It writes as well uncompiled, so that by
    its figures the uncompiled program would ship."""
    assert main(["init", str(folder), "--recipe", recipe]) == 0
    shutil.copy(TEACHER, folder / "teacher.py")
    config = (folder / "seedbed.yaml").read_text(encoding="utf-8")
    config = config.replace("model: embedded/qwen2.5-coder-0.5b", "model: scripted/teacher.py")
    config = config.replace("budget: light,", "budget: light, ship: compiled,")
    (folder / "seedbed.yaml").write_text(short_passages(config), encoding="utf-8")
    return folder


def short_passages(config: str) -> str:
    """A config of `seedbed init` with short passages and no headings, for a teacher that copies what comes first."""
    return config.replace("sources:\n", "sources:\n  chunk_tokens: 64\n")


def calls(folder: Path) -> int:
    """How many calls the scripted teacher has been paid for."""
    path = folder / "calls.txt"
    return len(path.read_text(encoding="utf-8")) if path.exists() else 0


def rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of a dataset folder, train first, in order."""
    return [row for path in sorted(folder.glob("rows/*.parquet")) for row in pq.read_table(path).to_pylist()]


def run(folder: Path, out: Path, *more: str) -> int:
    return main(["run", "-c", str(folder / "seedbed.yaml"), "--out", str(out), *more])
