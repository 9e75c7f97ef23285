"""Optimizers, caps and `auto` by `seedbed compile`, with a teacher that does as its prompt says."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.paths import SUPPORT
from support.projects import short_passages
from support.searched import paid

from seedbed.cli.main import main
from seedbed.models.embedding_batches import EmbeddingQueue
from seedbed.models.hashed_words import hashed_words as embed


@pytest.fixture
def compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """A project whose teacher is the pupil and whose embedder counts words, which is faster than reading them; call
    it with keys to set for the manifest of its compile."""
    monkeypatch.setattr("seedbed.models.embedder._queue", lambda name: EmbeddingQueue(embed))
    folder = tmp_path / "project"
    assert main(["init", str(folder)]) == 0
    for name in ("pupil.py", "teacher.py"):
        shutil.copy(SUPPORT / name, folder)
    config = folder / "seedbed.yaml"
    text = config.read_text(encoding="utf-8").replace("embedded/qwen2.5-coder-0.5b", "scripted/pupil.py")
    config.write_text(short_passages(text), encoding="utf-8")

    def compile(*settings: str) -> dict[str, Any]:
        words = [word for setting in settings for word in ("--set", setting)]
        assert main(["compile", "-c", str(config), *words]) == 1  # counted words bear out no row
        path = folder / "compiled" / "grounded-qa" / "small.manifest.json"
        return dict(json.loads(path.read_text(encoding="utf-8")), paid=paid(folder))

    return compile


@pytest.mark.parametrize("optimizer", ["mipro", "gepa"])
def test_an_optimizer_by_the_command(compiles: Callable[..., dict[str, Any]], optimizer: str) -> None:
    first = compiles(f"compile.optimizer={optimizer}")
    assert set(first["optimizers"].values()) == {optimizer}
    assert compiles(f"compile.optimizer={optimizer}") == first


def test_the_manifest_records_what_auto_chose(
    compiles: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = compiles("compile.optimizer=auto")["optimizers"]
    assert set(chosen) == {"ask_question", "answer_question"}
    assert set(chosen.values()) <= {"labeled", "bootstrap"}
    assert f"answer_question: auto takes {chosen['answer_question']}" in capsys.readouterr().err


def test_caps_by_the_command(
    compiles: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    caps = ("compile.max_calls=300", "compile.optimizer=random-search", "compile.budget=medium")
    first = compiles(*caps)
    output = capsys.readouterr().err
    assert "compile.max_calls: 300 (this step's part of it) is reached" in output
    assert compiles(*caps) == first


def test_a_cap_in_dollars_wants_prices_before_anything_is_called(
    compiles: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    project = str(tmp_path / "project" / "seedbed.yaml")
    settings = ["models.far={model: m, api_base: http://127.0.0.1:9/v1}", "roles.teacher=far", "compile.max_usd=1"]
    words = [word for setting in settings for word in ("--set", setting)]
    assert main(["compile", "-c", project, *words]) == 2
    assert "compile.max_usd: what far costs is unknown" in capsys.readouterr().err
    assert paid(tmp_path / "project") == 0
