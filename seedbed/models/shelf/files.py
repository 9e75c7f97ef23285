"""Finds model files on this machine, and computes their hashes."""

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from seedbed.config.catalogue import ShelfModel
from seedbed.config.reference import expanded
from seedbed.errors import UserError

FOLDER, OFFLINE = "SEEDBED_MODELS", "SEEDBED_OFFLINE"
_HASHES = "hashes.json"


def models_folder() -> Path:
    """The folder of the shelf's files: `SEEDBED_MODELS`, by default in the user's cache directory."""
    if folder := os.environ.get(FOLDER):
        return expanded(folder)
    return platformdirs.user_cache_path("seedbed") / "models"


def is_offline() -> bool:
    """Whether `SEEDBED_OFFLINE` forbids downloads."""
    return os.environ.get(OFFLINE, "").lower() not in ("", "0", "false", "no")


def check_online(models: str) -> None:
    """Raises UserError if `SEEDBED_OFFLINE` forbids to download these models, which the message names."""
    if is_offline():
        raise UserError(
            f"{models}: not on this machine, and {OFFLINE} is set.",
            hint=f"Unset it; or put a file of the shelf into {models_folder()}.",
        )


def shelf_file(model: ShelfModel) -> Path:
    """The path of a model of the shelf, whether it is there or not."""
    return models_folder() / model.file


def is_here(model: ShelfModel) -> bool:
    """Whether a file of its name and size is there. Its bytes are checked when the model is opened."""
    file = shelf_file(model)
    return is_file(file) and file.stat().st_size == model.bytes


def is_file(path: Path) -> bool:
    """Whether a file is there; False where its folder cannot be entered."""
    try:
        return path.is_file()
    except OSError:
        return False


def sha256(files: Sequence[Path]) -> str:
    """The SHA-256 of a model: of its file, or of the hashes of its files in their order.

    A file of a gigabyte takes seconds to read, so its hash is remembered until its size or time of change differs. The
    name of the file does not matter.
    """
    if len(files) == 1:
        return _sha256(files[0])
    return hashlib.sha256("".join(map(_sha256, files)).encode()).hexdigest()


def _sha256(file: Path) -> str:
    state, entries = file.stat(), _remembered()
    mark, key = [state.st_size, state.st_mtime_ns], f"{state.st_dev}:{state.st_ino}"
    if (entry := entries.get(key)) and entry[:2] == mark:
        return str(entry[2])
    hexdigits = digest(file)
    _remember({**_remembered(), key: [*mark, hexdigits]})
    return hexdigits


def digest(file: Path) -> str:
    """The SHA-256 of a file, which is read now."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _remembered() -> dict[str, list[object]]:
    with contextlib.suppress(OSError, ValueError):
        entries = json.loads((models_folder() / _HASHES).read_text(encoding="utf-8"))
        if isinstance(entries, dict):
            return {key: entry for key, entry in entries.items() if isinstance(entry, list) and len(entry) == 3}
    return {}


def _remember(entries: dict[str, list[object]]) -> None:
    """Write the hashes. In a folder that cannot be written this does nothing; the next call reads the file again."""
    file = models_folder() / _HASHES
    draft = file.with_name(f".{_HASHES}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(entries, indent=1), encoding="utf-8")
        draft.replace(file)
