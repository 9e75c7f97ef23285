"""Puts a run's own parquet on the Hub, with its card: `seedbed export DIR --to hub`."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from seedbed.errors import UserError
from seedbed.export.runs import RunRows
from seedbed.storage.run_reader import shards_of


def write_hub_folder(run: RunRows, out: Path, licence: str | None) -> list[Path]:
    """Copy the rows, the rejected candidates and the card into a folder as it would lie on the Hub; returns its files.

    `licence`: of the dataset, as the Hub names it (`apache-2.0`). Raises UserError if `out` holds other files."""
    if out.exists() and any(out.iterdir()):
        raise UserError(f"{out} has other files in it.", hint="Name a new folder with --out.")
    try:
        for kind in ("rows", "rejected"):
            for shard in shards_of(run.folder, kind):
                target = out / kind / Path(shard.path).name
                target.parent.mkdir(parents=True, exist_ok=True)
                if shard.fs:
                    shard.fs.get(shard.path, str(target))
                else:
                    shutil.copyfile(shard.path, target)
        (out / "README.md").write_text(_card(run, licence), encoding="utf-8")
    except OSError as error:
        raise UserError(f"Cannot write {out}: {error.strerror}.", hint="Make room, or name another --out.") from error
    return sorted(path for path in out.rglob("*") if path.is_file())


def push(folder: Path, repo: str, *, private: bool) -> str:
    """Upload a folder to a dataset of the Hub, which is made if it is not there; returns its address. The token comes
    from the environment (HF_TOKEN). Raises UserError if the Hub refuses."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    api = HfApi()
    try:
        address = str(api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True))
        api.upload_folder(folder_path=folder, repo_id=repo, repo_type="dataset")
    except (HfHubHTTPError, LocalTokenNotFoundError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"The Hub did not take {repo}: {reason}", hint="Set HF_TOKEN to a token that may write, and check --repo."
        ) from error
    return address


def _card(run: RunRows, licence: str | None) -> str:
    """The run's card. Its header names files that lie beside it here, wherever the run wrote its shards."""
    _, head, body = (run.folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    fields: dict[str, Any] = yaml.safe_load(head)
    for config in fields["configs"]:
        for files in config["data_files"]:
            files["path"] = "/".join(files["path"].split("/")[-2:])
    fields = {**({"license": licence} if licence else {}), **fields}
    return f"---\n{yaml.safe_dump(fields, sort_keys=False)}---\n{body}"
