"""Writes files that are complete or absent, even after a crash."""

import os
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file, sync it and rename it: the file is complete or absent. Raises OSError."""
    aside = path.with_name(f".{path.name}.part")
    try:
        write(aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
