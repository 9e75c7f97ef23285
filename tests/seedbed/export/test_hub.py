"""`seedbed export --to hub`: the folder that lies on the Hub, and what is said where the Hub refuses."""

from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml
from support.served import Served, served

from seedbed.cli.main import main

__all__ = ["served"]
ALLOWED = {"models__mock__allows_training": True}


def test_a_dry_run_writes_what_would_be_uploaded(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    assert served.run(**ALLOWED) == 0
    out = served.base / "hub"
    words = ["export", str(served.base / "ds"), "--to", "hub", "--out", str(out), "--dry-run"]
    assert main([*words, "--license", "apache-2.0"]) == 0
    assert "README.md, rows/train-00000.parquet" in capsys.readouterr().out
    head = yaml.safe_load((out / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert head["license"] == "apache-2.0"
    loaded = datasets.load_dataset(str(out), cache_dir=str(served.base / "cache"))
    assert loaded.num_rows == served.report()["counts"]["splits"]
    (out / "mine.txt").write_text("mine", encoding="utf-8")
    assert main(words) == 0  # an earlier one is replaced
    assert (out / "mine.txt").read_text(encoding="utf-8") == "mine"
    capsys.readouterr()
    for option in (["--limit", "1"], ["--rows", "reviewed"], ["--max-tokens", "9"]):
        assert main([*words, *option]) == 2
        assert f"takes the run as it is, without {option[0]}:" in capsys.readouterr().err
    assert main([*words, "--view", "open", "--rows", "accepted"]) == 0  # the defaults, named
    (served.base / "ds" / "README.md").unlink()
    assert main(words) == 2
    assert "is no card with a head" in capsys.readouterr().err


def test_what_is_uploaded_is_that_folder_and_a_refusal_is_a_sentence(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    asked = list[Any]()

    class Api:
        def create_repo(self, repo: str, **more: Any) -> str:
            asked.append((repo, more["private"]))
            return f"https://hub/{repo}"

        def upload_folder(self, folder_path: Path, **more: Any) -> None:
            assert more["ignore_patterns"] == ["export.json"]
            asked.append(sorted(path.name for path in folder_path.iterdir()))
            if more["repo_id"].endswith("closed"):
                raise ValueError("you may not write there")

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    assert served.run(**ALLOWED) == 0
    words = ["export", str(served.base / "ds"), "--to", "hub"]
    assert main([*words, "--repo", "me/open"]) == 0
    assert capsys.readouterr().out.endswith("https://hub/me/open\n")
    assert asked == [("me/open", True), ["README.md", "export.json", "rows"]]
    assert main([*words, "--repo", "me/closed", "--out", str(served.base / "again"), "--public"]) == 2
    assert "The Hub did not take me/closed: you may not write there" in capsys.readouterr().err
    assert main(words) == 2
    assert "The Hub takes one run, with a name" in capsys.readouterr().err
