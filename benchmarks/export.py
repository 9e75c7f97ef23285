"""What an export takes: seconds and peak memory of many made-up rows in one format.

python benchmarks/export.py --rows 200000 --to trl-sft
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from programs.qa.grounded_qa import QA
from seedbed.storage.row_schema import row_schema

SHARD, LINEAGE = 10_000, {"recipe": "grounded-qa", "teacher": "small", "models": ["small"], "spans": [], "parents": []}


def main() -> None:
    """Write a run, export it in a process of its own, and print what that took."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=200_000)
    arguments.add_argument("--to", default="trl-sft")
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as base:
        run = write_run(Path(base) / "run", asked.rows)
        began = time.monotonic()
        words = ["export", str(run), "--to", asked.to, "--out", str(Path(base) / "out")]
        command = f"from seedbed.cli.main import main; raise SystemExit(main({words!r}))"
        subprocess.run([sys.executable, "-c", command], check=True)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{asked.rows:,} rows to {asked.to}: {time.monotonic() - began:.1f} s, {peak:.0f} MB at most")


def write_run(folder: Path, count: int) -> Path:
    """A run of so many rows, each with a passage of its own, in shards."""
    schema = row_schema(QA)
    (folder / "rows").mkdir(parents=True)
    for shard in range(0, count, SHARD):
        rows = [made(number) for number in range(shard, min(shard + SHARD, count))]
        pq.write_table(pa.Table.from_pylist(rows, schema), folder / "rows" / f"train-{shard // SHARD:05}.parquet")
    model = {"model": "embedded/qwen2.5-coder-0.5b", "api_base": None, "allows_training": None}
    config = {"run": {"shards": None}, "models": {"small": model}}
    report = {"recipe": "grounded-qa", "content": "made up", "options": {}, "config": config}
    (folder / "run.json").write_text(json.dumps(report), encoding="utf-8")
    return folder


def made(number: int) -> dict[str, object]:
    """A row of about 90 tokens."""
    passage = " ".join(f"Kettle {number} of row {part} boils for {part} minutes." for part in range(8))
    row = QA(passage=passage, question=f"How long does kettle {number} of row 3 boil?", answer="Three minutes.")
    lineage = LINEAGE | {"source": f"s{number}", "group": f"document {number // 10}"}
    return {"id": f"{number:016x}", **row.columns(), "score": 0.8, "scores": [], "unscored": [], "lineage": lineage}


if __name__ == "__main__":
    main()
