"""Puts a run's own parquet on the Hub, with its card: `seedbed export DIR --to hub`."""

import shutil
from pathlib import Path
from typing import Any

import orjson
import yaml

from seedbed.errors import UserError
from seedbed.export.folder import RECORD, replacing
from seedbed.export.runs import FinishedRun
from seedbed.storage.run_reader import shards_of


def write_hub_folder(run: FinishedRun, out: Path, licence: str | None) -> list[Path]:
    """Copy the rows, the rejected candidates and the card into a folder as it would lie on the Hub; returns its files.

    `licence`: of the dataset, as the Hub names it (`apache-2.0`). Raises UserError if `out` holds other files, or if
    the run has no card."""
    with replacing(out) as aside:
        for kind in ("rows", "rejected"):
            for shard in shards_of(run.folder, kind):
                target = aside / kind / Path(shard.path).name
                target.parent.mkdir(parents=True, exist_ok=True)
                if shard.fs:
                    shard.fs.get(shard.path, str(target))
                else:
                    shutil.copyfile(shard.path, target)
        (aside / "README.md").write_text(_card(run, licence), encoding="utf-8")
        files = sorted(path.relative_to(aside) for path in aside.rglob("*") if path.is_file())
        (aside / RECORD).write_bytes(orjson.dumps({"format": "hub", "files": [*map(str, files)]}))
    return [out / path for path in files]


def push(folder: Path, repo: str, *, private: bool) -> str:
    """Upload a folder to a dataset of the Hub, which is made if it is not there; returns its address. The token comes
    from the environment (HF_TOKEN). Raises UserError if the Hub refuses."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, LocalTokenNotFoundError  # type: ignore[attr-defined]

    api = HfApi()
    try:
        address = str(api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True))
        api.upload_folder(folder_path=folder, repo_id=repo, repo_type="dataset", ignore_patterns=[RECORD])
    except (HfHubHTTPError, LocalTokenNotFoundError, ValueError, OSError, HTTPError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"The Hub did not take {repo}: {reason}", hint="Set HF_TOKEN to a token that may write, and check --repo."
        ) from error
    return address


def _card(run: FinishedRun, licence: str | None) -> str:
    """The run's card. Its header names files that lie beside it here, wherever the run wrote its shards."""
    path = run.folder / "README.md"
    parts = path.read_text(encoding="utf-8").split("---\n", 2) if path.is_file() else []
    if len(parts) < 3:
        raise UserError(f"{path} is no card with a head.", hint="Run the run's command again: it writes one.")
    fields: dict[str, Any] = yaml.safe_load(parts[1])
    for config in fields["configs"]:
        for files in config["data_files"]:
            files["path"] = "/".join(files["path"].split("/")[-2:])
    fields = {**({"license": licence} if licence else {}), **fields}
    return f"---\n{yaml.safe_dump(fields, sort_keys=False)}---\n{parts[2]}"
