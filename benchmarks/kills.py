"""What kills cost: one `seedbed run`, killed (-9) at random moments and taken up again until it is done.

    python benchmarks/kills.py [--kills 100] [--slots 32] [--seed 0] [--work FOLDER]

Against the mock server, uncompiled, two draws a passage: the first at temperature 0, the second above it. Four kills in
five come after a random number of further calls, so that they fall into all of the run's work; the others, and all once
the run has come to its end, a random time after the start: into opening, remembering, and writing the rows.

The reference is the same run in one piece, and the rows made again offline from the killed run's calls alone. A call
is lost with a kill where the server had its request and the journal has no reply to it; those in flight are counted by
the server just after the kill, and by the ledger, which sets money aside for what waits for a slot too.

The processes are forked from one that has imported everything, and the embedder is `scripted/hashed-words`.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from mock_server import serving, stats
from run import write_project

from seedbed.cli.main import main as seedbed

BETWEEN = 100  # calls from one kill to the next, in the mean
ROWS = 30  # a kill, so that the last few fall on a run that has all its rows
TIMED = 0.2  # of the kills are timed from the start of their process
LONGEST = 1.2  # seconds from the start to such a kill
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["seedbed.runs.dataset", "seedbed.reports.summary", "programs.qa.grounded_qa", "pyarrow.parquet"]
)


def main() -> None:
    """Kill a run and print the table."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        found = killed(Path(folder), options.kills, slots=options.slots, seed=options.seed)
    print("| | |\n|---|---|")
    for name, value in found.items():
        print(f"| {name} | {value} |")


def killed(base: Path, kills: int, *, slots: int = 32, seed: int = 0) -> dict[str, Any]:
    """The figures of a run that is killed so often, beside one that is not. `base`: an empty folder."""
    rows = kills * ROWS
    write_project(base, rows * 2)
    with serving() as address:
        command = command_of(base, rows, slots, address)
        finished(command, base / "whole")
        moments, started = random.Random(seed), time.monotonic()
        losses = list[Loss]()
        while len(losses) < kills:
            if loss := killed_once(command, base / "killed", moments, address):
                losses.append(loss)
        finished(command, base / "killed")
        seconds = time.monotonic() - started
    finished(command, base / "remade", f"--replay={_calls_alone(base)}")
    return {
        "kills": len(losses),
        "seconds": round(seconds),
        "calls in flight at most": slots,
        "calls made before the kills": sum(loss.requests for loss in losses),
        "calls lost, so paid twice": sum(loss.lost for loss in losses),
        "in flight at the kills, by the server": sum(loss.inside for loss in losses),
        "in flight at the kills, by the ledger": sum(loss.set_aside for loss in losses),
        "lost in one kill at most": max(loss.lost for loss in losses),
    } | _compared(base / "killed", base / "whole", base / "remade")


def command_of(base: Path, rows: int, slots: int, address: str) -> list[str]:
    """The words of the run; where it writes is added to them."""
    entry = {"concurrency": slots, "api_base": f"{address}/lognormal-60-0.8/v1", "extra": {"seed": 7}}
    sets = [f"models.mock.{key}={json.dumps(value)}" for key, value in entry.items()]
    sets += ["embedder=scripted/hashed-words", "options.draws=2"]
    return [
        "run",
        "-c",
        str(base / "seedbed.yaml"),
        "--uncompiled",
        f"--rows={rows}",
        *(f"--set={one}" for one in sets),
    ]


def _invocation(command: list[str], log: Path) -> None:
    """In a process of its own: one invocation of the run."""
    with log.open("a", encoding="utf-8") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os._exit(seedbed(command))


@contextlib.contextmanager
def begun(command: list[str], out: Path, *more: str) -> Iterator[BaseProcess]:
    """An invocation at work; it is killed where the block leaves it."""
    process = _FORKS.Process(target=_invocation, args=([*command, f"--out={out}", *more], out.with_suffix(".log")))
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def finished(command: list[str], out: Path, *more: str, code: int = 0) -> None:
    """An invocation that nobody kills. Raises SystemExit where it does not end with this exit code."""
    with begun(command, out, *more) as process:
        process.join()
    if process.exitcode != code:
        raise SystemExit(f"exit code {process.exitcode}:\n{out.with_suffix('.log').read_text(encoding='utf-8')}")


@dataclass(frozen=True)
class Loss:
    """Of an invocation that was killed: the `requests` that the server had, those `lost` to the journal, and how many
    were in flight: `inside` the server just after, and `set_aside` by the ledger without a reply."""

    requests: int
    lost: int
    inside: int
    set_aside: int


def killed_once(command: list[str], out: Path, moments: random.Random, address: str) -> Loss | None:
    """What a kill cost; None where the invocation ended before it."""
    calls, seconds = moments.randrange(2 * BETWEEN), moments.uniform(0, LONGEST)
    timed = moments.random() < TIMED or (out / "run.json").is_file()
    before, kept_before, started = stats(address), kept(out), time.monotonic()
    with begun(command, out) as process:
        while process.is_alive():
            if time.monotonic() - started > seconds if timed else _since(before, address) >= calls:
                break
            time.sleep(0.002)
        time.sleep(0 if timed else moments.uniform(0, 0.01))
    inside, requests, now = stats(address)["inside"], _since(before, address), kept(out)
    if process.exitcode != -signal.SIGKILL:
        return None
    return Loss(requests, requests - (now.calls - kept_before.calls), inside, now.unanswered - kept_before.unanswered)


def _since(before: dict[str, Any], address: str) -> int:
    return int(stats(address)["requests"] - before["requests"])


class Kept(NamedTuple):
    """What is on the disk: `calls` in the journal, and `unanswered` ones in the ledger."""

    calls: int = 0
    unanswered: int = 0


def kept(out: Path) -> Kept:
    """What a run into that folder has on the disk."""
    journal, ledger = out / "journal.sqlite", out.parent / ".seedbed" / "ledger.sqlite"
    return Kept(_asked(journal, "count(*) from calls"), _asked(ledger, "total(calls - answered) from spent"))


def _asked(path: Path, what: str) -> int:
    """A number in a file; 0 where there is none yet."""
    if not path.is_file():
        return 0
    with contextlib.closing(sqlite3.connect(path)) as file, contextlib.suppress(sqlite3.OperationalError):
        return int(file.execute(f"select {what}").fetchone()[0])
    return 0


def _calls_alone(base: Path) -> Path:
    """The journal of the killed run, without what became of the sources: the programs run again."""
    folder = base / "calls"
    folder.mkdir()
    with sqlite3.connect(base / "killed" / "journal.sqlite") as old, sqlite3.connect(folder / "journal.sqlite") as new:
        old.backup(new)
        new.execute("delete from outcomes")
    return folder


def _compared(ours: Path, whole: Path, remade: Path) -> dict[str, Any]:
    mine, theirs = _ids(ours), _ids(whole)
    return {
        "accepted rows": sum(mine.values()),
        "accepted rows lost": sum((theirs - mine).values()),
        "accepted rows doubled": sum((mine - theirs).values()),
        "files equal to the run in one piece": written(ours) == written(whole),
        "files equal to those made again offline": written(ours) == written(remade),
    }


def _ids(out: Path) -> Counter[str]:
    return Counter(id for path in sorted(out.glob("rows/*.parquet")) for id in pq.read_table(path)["id"].to_pylist())


def written(out: Path) -> dict[str, bytes]:
    """Rows and rejected rows by file."""
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.glob("r*/*.parquet"))}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--slots", type=int, default=32, help="calls in flight at most")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--work", type=Path, help="where the project and its datasets are made, and removed at the end")
    return parser.parse_args()


if __name__ == "__main__":
    main()
