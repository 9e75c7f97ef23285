"""There is always a train split, and a line that loads what was made."""

import json
import shutil
from pathlib import Path

import datasets
import pytest
from support.served import Served, served

from seedbed.reports.loading import loading_line

__all__ = ["served"]

datasets.disable_progress_bars()


def keep(served: Served, names: int) -> None:
    """Leave so many documents, none with a seed on it."""
    folder = served.base / "documents"
    for path in sorted(folder.iterdir())[names:]:
        path.unlink()
    seeds = served.base / "seeds.jsonl"
    lines = [json.loads(line) for line in seeds.read_text(encoding="utf-8").splitlines()]
    seeds.write_text("".join(json.dumps(line | {"source": "elsewhere.txt"}) + "\n" for line in lines), encoding="utf-8")


def test_one_document_is_all_train_and_it_is_said(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    keep(served, 1)
    assert served.run(rows=3) == 0
    assert served.report()["counts"]["splits"] == {"train": 3}
    said = "nothing is held out for validation: one document cannot be parted"
    assert said in capsys.readouterr().out
    assert said in (served.base / "ds" / "README.md").read_text(encoding="utf-8")


def test_a_copy_of_one_document_is_no_second_one(served: Served) -> None:
    keep(served, 1)
    (only,) = (served.base / "documents").iterdir()
    shutil.copy(only, only.with_name("copy.txt"))
    assert served.run(rows=3) == 0
    assert served.report()["counts"]["splits"] == {"train": 3}


def test_rows_that_happen_to_be_of_held_out_documents_alone_are_train(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seedbed.project.project.Project.is_held_out", lambda self, group: True)
    assert served.run(rows=3) == 0
    assert served.report()["counts"]["splits"] == {"train": 3}
    assert any("would be held out" in warning for warning in served.report()["warnings"])


def test_two_documents_are_parted(served: Served) -> None:
    keep(served, 2)
    assert served.run(rows=12) == 0
    assert set(served.report()["counts"]["splits"]) == {"train", "validation"}


@pytest.mark.parametrize("name", ["plain", "my data é", "v[2]", "what?", "a*b", 'it"s', "{x}", "[a-z] #1"])
def test_the_line_that_is_printed_loads_the_rows(served: Served, capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert served.run(name, 6) == 0
    line = capsys.readouterr().out.strip().splitlines()[-1].strip()
    loaded = eval(line, {"datasets": datasets})
    assert {split: len(rows) for split, rows in loaded.items()} == served.report(name)["counts"]["splits"]


def test_no_line_is_printed_for_no_rows(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.change(lambda config: config["gates"].update(threshold=1.0))
    assert served.run(rows=2) == 1
    out = capsys.readouterr().out
    assert "load_dataset" not in out
    assert "no rows to load" in out
    assert loading_line(Path("x"), {"counts": {"splits": {}}}) is None
