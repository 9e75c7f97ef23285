"""Two Ray workers against one: the same run on the mock server, as many calls in flight at each worker.

    python benchmarks/workers.py [--rows 4000] [--slots 64] [--latency fixed-1000] [--workers 1,2] [--work FOLDER]

As benchmarks/run.py makes it: `seedbed run --uncompiled` of grounded-qa with hashed words for an embedder, in a process
of its own with a server of its own for each number of workers. Rows a second are those of
the second half, for under a cap in dollars a run begins slowly; the time to the first row, the start of Ray and of its
workers, is given beside. CPU is that of the driver and of all that it
started, Ray's own processes included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from mock_server import serving, stats
from run import write_project

from seedbed.progress import Progress

TICKS = os.sysconf("SC_CLK_TCK")  # a second, in which /proc counts CPU


def main() -> None:
    """Run one number of workers for the process that asks (`--address`), or all and print the table."""
    options = _options()
    if options.address:
        print(json.dumps(measured(options.work, options.set, options.workers[0])))
        return
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        write_project(Path(folder), options.rows)
        found = {workers: _apart(Path(folder), workers, options) for workers in options.workers}
    first = next(iter(found.values()))["rate"]
    print("| workers | rows/s | ratio | calls/s | CPU of the driver | CPU of the rest | start | stopped |")
    print("|---|---|---|---|---|---|---|---|")
    for workers, one in found.items():
        print(
            f"| {workers} | {one['rate']:.1f} | {one['rate'] / first:.2f} | {one['calls'] / one['seconds']:.0f} "
            f"| {one['driver']:.1f} s | {one['others']:.1f} s | {one['start']:.1f} s | {one['stopped']} |"
        )


def _apart(base: Path, workers: int, options: argparse.Namespace) -> dict[str, Any]:
    with serving() as address:
        sets = [
            f"run.rows={options.rows}",
            f"models.mock.concurrency={options.slots * workers}",
            f"models.mock.api_base={address}/{options.latency}/v1",
            "embedder=scripted/hashed-words",
            "run.engine=ray",
            f"run.workers={workers}",
        ]
        told = [f"--address={address}", f"--work={base}", f"--workers={workers}", *(f"--set={one}" for one in sets)]
        done = subprocess.run([sys.executable, __file__, *told], stdout=subprocess.PIPE, text=True, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found | {"calls": stats(address)["requests"]}


def measured(base: Path, sets: list[str], workers: int) -> dict[str, Any]:
    """One run in this process and what it starts, and its figures."""
    import ray

    from seedbed.cli.shared.options import open_project
    from seedbed.runs.dataset import write_dataset

    started = time.monotonic()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, configure_logging=False)
    with Watching() as progress:
        report, _ = write_dataset(
            open_project(base / "seedbed.yaml", None, sets), base / f"{workers}", uncompiled=True, progress=progress
        )
    driver, others = time.process_time(), progress.others()
    ray.shutdown()
    (half, begun), (last, ended) = progress.seen[len(progress.seen) // 2], progress.seen[-1]
    return {
        "rate": (last - half) / (ended - begun),
        "seconds": ended - progress.seen[0][1],
        "start": progress.seen[0][1] - started,
        "driver": driver,
        "others": others,
        "stopped": report["stopped"],
    }


class Watching(Progress):
    """A progress that keeps when how many rows were there, from the first on, and the CPU of all processes below."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self._spent = list[tuple[int, float]](), dict[int, float]()
        self._over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def show(self, bar: Any, done: int, note: str) -> None:
        """Move the bar, and look at the clock."""
        super().show(bar, done, note)
        if done:
            self.seen.append((done, time.monotonic()))

    def others(self) -> float:
        """CPU seconds of the processes below this one, those that are gone as they were last seen."""
        self._over.set()
        self._look()
        return sum(self._spent.values())

    def _watch(self) -> None:
        while not self._over.wait(0.2):
            self._look()

    def _look(self) -> None:
        parents = dict[int, int]()
        spent = dict[int, float]()
        for process in Path("/proc").glob("[0-9]*"):
            try:
                fields = (process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(") ")[2].split()
            except OSError:
                continue
            parents[int(process.name)], spent[int(process.name)] = int(fields[1]), sum(map(int, fields[11:13])) / TICKS
        self._spent |= {one: seconds for one, seconds in spent.items() if _is_below(one, parents)}


def _is_below(process: int, parents: dict[int, int]) -> bool:
    while (process := parents.get(process, 0)) > 1:
        if process == os.getpid():
            return True
    return False


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--slots", type=int, default=64, help="calls in flight at each worker")
    parser.add_argument("--latency", default="fixed-1000", help="as benchmarks/mock_server.py names it")
    parser.add_argument("--workers", type=lambda text: [int(one) for one in text.split(",")], default=[1, 2])
    parser.add_argument("--work", type=Path, help="the folder for project and datasets, which are removed at the end")
    parser.add_argument("--set", action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--address", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
