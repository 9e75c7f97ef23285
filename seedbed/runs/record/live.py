"""OUT/progress.json: how far a run is, for whoever watches it from outside."""

import contextlib
import json
import time
from pathlib import Path
from typing import Any

from programs.core.whole import write_whole

PROGRESS = "progress.json"
PAUSE = 1.0  # seconds between two versions of the file


class Live:
    """Writes the state of a run into its folder, at most once in `PAUSE` seconds. A disk without room does not stop
    the run."""

    def __init__(self, out: Path) -> None:
        self._path, self._next = out / PROGRESS, 0.0

    def is_due(self) -> bool:
        """Whether the last version is old enough."""
        return time.monotonic() >= self._next

    def show(self, state: dict[str, Any]) -> None:
        """Replace the file, as a whole."""
        self._next = time.monotonic() + PAUSE
        text = json.dumps(state | {"at": time.time()}, indent=1)
        with contextlib.suppress(OSError):
            write_whole(self._path, lambda aside: aside.write_text(text, encoding="utf-8"))
