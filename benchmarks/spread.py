"""How much of a compile is luck: the same project compiled with one random seed after the other.

    seedbed init my-data
    python benchmarks/spread.py --config my-data/seedbed.yaml --seeds 10 --set compile.compare=24

Prints for each the ways of asking that won, the acceptance on the held-out passages before and after, and the gain with
its interval. What a compile asked before is replayed from the project's journal, so a second seed costs less than the
first. Ten compiles with the 135M of the shelf take some 25 minutes on 2 cores, one with the 0.5B up to ten minutes.
"""

import argparse
import contextlib
import io
import json
import time
from typing import Any

from seedbed.cli.main import main as seedbed


def main() -> None:
    """One line a seed, then how many accepted something and how many proved a gain."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", required=True, help="a seedbed.yaml")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the config, as in seedbed compile")
    given = parser.parse_args()
    print("| seed | won | before | after | gain | seconds |\n|---|---|---|---|---|---|")
    compared = [_compiled(given.config, seed, given.set) for seed in range(given.seeds)]
    accepting = sum(one["after"]["acceptance"]["mean"] > 0 for one in compared)
    proven = sum(one["difference"]["low"] > 0 for one in compared)
    print(f"\n{accepting} of {len(compared)} accept something, {proven} prove a gain")


def _compiled(config: str, seed: int, sets: list[str]) -> dict[str, Any]:
    began, out = time.monotonic(), io.StringIO()
    words = [word for setting in [*sets, f"compile.random_seed={seed}"] for word in ("--set", setting)]
    with contextlib.redirect_stdout(out):
        seedbed(["compile", "-c", config, "--json", *words])
    manifest = json.loads(out.getvalue())
    both: dict[str, Any] = manifest["comparison"]
    won = "; ".join(f"{step}: {what}" for step, what in manifest["steps"].items())
    before, after = (both[which]["acceptance"]["mean"] for which in ("before", "after"))
    gain = "{mean:.2f} [{low:.2f}, {high:.2f}]".format(**both["difference"])
    print(f"| {seed} | {won} | {before:.2f} | {after:.2f} | {gain} | {time.monotonic() - began:.0f} |", flush=True)
    return both


if __name__ == "__main__":
    main()
