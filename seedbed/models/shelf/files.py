"""Where models lie on this machine, and the hash of what is in a file."""

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
    """Where the shelf's files are kept: `SEEDBED_MODELS`, by default in the user's cache directory."""
    if named := os.environ.get(FOLDER):
        return expanded(named)
    return platformdirs.user_cache_path("seedbed") / "models"


def is_offline() -> bool:
    """Whether `SEEDBED_OFFLINE` forbids to bring anything here."""
    return os.environ.get(OFFLINE, "").lower() not in ("", "0", "false", "no")


def check_online(what: str) -> None:
    """Raises UserError where `SEEDBED_OFFLINE` forbids to bring this here."""
    if is_offline():
        raise UserError(
            f"{what}: not on this machine, and {OFFLINE} is set.",
            hint=f"Unset it; or put a file of the shelf into {models_folder()}.",
        )


def shelf_file(model: ShelfModel) -> Path:
    """Where a model of the shelf is, or would be."""
    return models_folder() / model.file


def is_here(model: ShelfModel) -> bool:
    """Whether a file of its name and size is there; its bytes are looked at when it is opened."""
    file = shelf_file(model)
    return is_file(file) and file.stat().st_size == model.bytes


def is_file(path: Path) -> bool:
    """Whether a file is there; not where its folder cannot be entered."""
    try:
        return path.is_file()
    except OSError:
        return False


def sha256(files: Sequence[Path]) -> str:
    """The SHA-256 of a model: of its file, or of the hashes of its files in their order.

    A file of a gigabyte takes seconds to read, so its hash is remembered for as long as its size and its time of change
    stay as they are, under whatever name.
    """
    if len(files) == 1:
        return _sha256(files[0])
    return hashlib.sha256("".join(map(_sha256, files)).encode()).hexdigest()


def _sha256(file: Path) -> str:
    state, known = file.stat(), _remembered()
    mark, key = [state.st_size, state.st_mtime_ns], f"{state.st_dev}:{state.st_ino}"
    if (entry := known.get(key)) and entry[:2] == mark:
        return str(entry[2])
    found = digest(file)
    _remember({**_remembered(), key: [*mark, found]})
    return found


def digest(file: Path) -> str:
    """The SHA-256 of a file, read now."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _remembered() -> dict[str, list[object]]:
    with contextlib.suppress(OSError, ValueError):
        entries = json.loads((models_folder() / _HASHES).read_text(encoding="utf-8"))
        if isinstance(entries, dict):
            return {key: entry for key, entry in entries.items() if isinstance(entry, list) and len(entry) == 3}
    return {}


def _remember(entries: dict[str, list[object]]) -> None:
    """In a folder that cannot be written, nothing is: the hash is taken again next time."""
    file = models_folder() / _HASHES
    aside = file.with_name(f".{_HASHES}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps(entries, indent=1), encoding="utf-8")
        aside.replace(file)
