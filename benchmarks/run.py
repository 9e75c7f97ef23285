"""What a whole run costs: `seedbed run` of grounded-qa, from generated documents to shards on disk.

    python benchmarks/run.py [--rows 20000,200000] [--latency fixed-200] [--work FOLDER] [--set gates.judges=[grounded]]

Against the mock server, uncompiled, with prices and a limit in dollars, so that the ledger works. All sizes read the
same documents, as many as the largest needs, and each runs in a process of its own. Memory is sampled every 5,000 rows.

The embedder is `scripted/hashed-words`, since a real one on this machine's cores would be all that is measured; all
else of the embedder, its memory and its batches, is as it is. `--real-embedder` takes that of the shelf.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mock_server import serving, stats
from passages import passages

from seedbed.models.hashed_words import HASHED_WORDS
from seedbed.progress import Progress

SAMPLED, DRAWS, SPARE = 5000, 4, 1.4  # rows; how often a passage is used; passages beyond what the rows need
CHARACTERS, PER_FILE = 420, 20  # a passage is a paragraph that fills a chunk of 128 tokens; paragraphs a document
SEEDS = 20


def main() -> None:
    """Run one size for the process that asks (`--address`), or all and print the table."""
    options = _options()
    if options.address:
        print(json.dumps(measured(options)))
        return
    print(f"embedder: {'the real one' if options.real_embedder else 'hashed words in place of the model'}\n")
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        write_project(Path(folder), max(options.rows))
        for rows in options.rows:
            _print(rows, _apart(Path(folder), rows, options))


def write_project(base: Path, rows: int) -> None:
    """A project whose documents give this many rows, and some to spare; the model's address is set when it is run."""
    written = list(_documents(int(rows / DRAWS * SPARE) + PER_FILE))
    (base / "documents").mkdir()
    for number, text in enumerate(written):
        (base / "documents" / f"{number:05}.txt").write_text(text, encoding="utf-8")
    seeds = [_seed(number, number % len(written), written) for number in range(SEEDS)]
    (base / "seeds.jsonl").write_text("".join(f"{json.dumps(seed)}\n" for seed in seeds), encoding="utf-8")
    entry = {"model": "mock", "max_tokens": 256, "input_price": 0.1, "output_price": 0.4}
    config = {
        "recipe": "grounded-qa",
        "models": {"mock": entry},
        "roles": {"teacher": "mock"},
        "sources": {"documents": "documents", "chunk_tokens": 128},
        "seeds": "seeds.jsonl",
        "gates": {"judges": [], "relevance": 0.1},  # hashed words are less alike than a model's meanings
        "options": {"draws": DRAWS},
        "run": {"max_usd": 100_000},
        "report": False,  # which is of a few rows, whatever the run's size
    }
    (base / "seedbed.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML


def _documents(count: int) -> Iterator[str]:
    made = list(passages(count, CHARACTERS))
    for start in range(0, count, PER_FILE):
        yield "\n\n".join(made[start : start + PER_FILE])


def _seed(number: int, place: int, written: Sequence[str]) -> dict[str, Any]:
    passage = written[place].split("\n\n")[number // len(written)]
    asked = f"Which things are told of seed number {number} before everything else?"
    seed = {"id": f"s{number}", "source": f"documents/{place:05}.txt", "document": passage, "question": asked}
    return seed | {"answer": passage.split(". ")[0] + "."}


def _apart(base: Path, rows: int, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of a run in a process of its own, with a server of its own."""
    with serving() as address:
        sets = [f"run.rows={rows}", f"models.mock.concurrency={options.slots}", *options.set]
        sets.append(f"models.mock.api_base={address}/{options.latency}/v1")
        sets += [] if options.real_embedder else [f"embedder={HASHED_WORDS}"]
        told = [f"--address={address}", f"--work={base}", f"--rows={rows}", *(f"--set={one}" for one in sets)]
        told += ["--real-embedder"] * options.real_embedder + ["--uvloop"] * options.uvloop
        done = subprocess.run([sys.executable, __file__, *told], stdout=subprocess.PIPE, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found | {"calls": stats(address)["requests"]}


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """One run in this process, as `seedbed run --uncompiled --out ...` makes it, and its figures."""
    from seedbed.cli.shared.options import open_project
    from seedbed.runs.dataset import write_dataset

    out = options.work / f"rows-{options.rows[0]}"
    started, spent = time.monotonic(), time.process_time()
    project = open_project(options.work / "seedbed.yaml", None, options.set)
    with Sampling() as progress:
        report, _ = write_dataset(project, out, uncompiled=True, progress=progress)
    wall, cpu = time.monotonic() - started, time.process_time() - spent
    return {
        "counts": report["counts"],
        "stopped": report["stopped"],
        "dollars": report["dollars"],
        "seconds": wall,
        "cpu": cpu,
        "samples": progress.samples,
        "final_mb": memory("VmRSS"),
        "peak_mb": memory("VmHWM"),
        "journal_mb": _megabytes(out.glob("*.sqlite*")),
        "rows_mb": _megabytes((out / "rows").rglob("*")),
    }


class Sampling(Progress):
    """A progress that takes the process's memory down every SAMPLED rows, as (rows, seconds, MB)."""

    def __init__(self) -> None:
        super().__init__()
        self.samples, self._started, self._next = list[tuple[int, float, float]](), time.monotonic(), 0

    def show(self, bar: Any, done: int, note: str) -> None:
        """Move the bar, and look at the memory when it is time."""
        super().show(bar, done, note)
        if done >= self._next:
            self.samples.append((done, time.monotonic() - self._started, memory("VmRSS")))
            self._next = done - done % SAMPLED + SAMPLED


def memory(what: str) -> float:
    """MB of this process: `VmRSS` now, `VmHWM` at most."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(f"{what}:")).split()[1]) / 1024


def _megabytes(paths: Iterable[Path]) -> float:
    return sum(path.stat().st_size for path in paths if path.is_file()) / 2**20


def _print(rows: int, found: dict[str, Any]) -> None:
    counts, seconds, calls = found["counts"], found["seconds"], found["calls"]
    accepted = counts["accepted"]
    print(f"## {rows} rows: {found['stopped']}\n\n| | |\n|---|---|")
    for name, value in {
        "accepted of candidates": f"{accepted} of {counts['candidates']}",
        "rejected": ", ".join(f"{reason} {count}" for reason, count in counts["rejected"].items()) or "none",
        "wall": f"{seconds:.0f} s, {accepted / seconds:.0f} rows/s, {calls / seconds:.0f} calls/s",
        "CPU": f"{found['cpu']:.0f} s, {1000 * found['cpu'] / calls:.2f} ms a call",
        "memory": f"{found['final_mb']:.0f} MB at the end, {found['peak_mb']:.0f} MB at most",
        "dollars": f"{found['dollars']:.2f}",
        "journal, rows": f"{found['journal_mb']:.1f} MB, {found['rows_mb']:.1f} MB",
    }.items():
        print(f"| {name} | {value} |")
    print("\n| rows | s | MB |\n|---|---|---|")
    for done, after, size in found["samples"]:
        print(f"| {done} | {after:.0f} | {size:.0f} |")
    print(flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=lambda text: [int(one) for one in text.split(",")], default=[20_000, 200_000])
    parser.add_argument("--latency", default="fixed-200", help="as benchmarks/mock_server.py names it")
    parser.add_argument("--slots", type=int, default=512, help="calls in flight at most")
    parser.add_argument("--work", type=Path, help="the folder for project and datasets, which are removed at the end")
    parser.add_argument("--set", action="append", default=[], help="config keys, as seedbed run takes them")
    parser.add_argument("--real-embedder", action="store_true")
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--address", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.uvloop and options.address:
        import uvloop

        uvloop.install()
    return options


if __name__ == "__main__":
    main()
