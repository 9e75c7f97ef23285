"""The line of Python that loads a dataset."""

import glob
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def loading_line(out: Path, report: Mapping[str, Any]) -> str | None:
    """A call of `datasets.load_dataset`; None if there are no rows. If the folder's name has glob characters, the call
    names its files split by split, because `datasets` would take the folder's name as a pattern."""
    splits = report["counts"]["splits"]
    if not splits:
        return None
    if glob.escape(str(out)) == str(out):
        return f"datasets.load_dataset({_quoted(out)})"
    rows = report["config"]["run"]["shards"] or glob.escape(str(out))
    files = ", ".join(f"{_quoted(split)}: {_quoted(f'{rows}/rows/{split}-*.parquet')}" for split in splits)
    return f'datasets.load_dataset("parquet", data_files={{{files}}})'


def _quoted(text: object) -> str:
    return json.dumps(str(text), ensure_ascii=False)
