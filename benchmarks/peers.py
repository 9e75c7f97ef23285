"""The same three-step job by us and by our peers, against the same mock server, in one run.

    python benchmarks/peers.py --python distilabel=PATH --python curator=PATH --python data_designer=PATH

PATH is the Python of an environment that holds the peer (benchmarks/peers/README.md makes them). Each side has a server
of its own and a process of its own, and they take turns. Prints Markdown: medians over the rounds. Ours is `seedbed
run`'s stack with its journal on (see benchmarks/client.py), and sends the longer prompts. Rows and calls a second are
taken from the first call to the last reply, so that nobody's start counts against them; the last column is the time of
a peer's whole pipeline without its imports, and its CPU is that of all this time.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import client
from mock_server import serving, stats
from passages import passages

PEERS = Path(__file__).parent / "peers"
ENVIRONMENT = {  # no cache, no telemetry, no price list from the network
    "CURATOR_DISABLE_CACHE": "1",
    "TELEMETRY_ENABLED": "0",
    "NEMO_TELEMETRY_ENABLED": "false",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
LATENCIES = {"200 ms": "fixed-200", "1 s": "fixed-1000"}
_LINE = (
    "| {} | {} | {rows_per_s:.0f} | {times:.1f}x | {calls_per_s:.0f} | {cpu_ms_per_call:.2f} | {most:.0f} "
    "| {calling:.1f} | {wall:.1f} |"
)


def main() -> None:
    """Measure ours and every peer that has a Python, and print the table."""
    options = _options()
    print(f"{options.rows} rows of {client.CALLS} calls, {options.slots} in flight\n")
    print("| latency | side | rows/s | ours is | calls/s | CPU ms a call | most in flight | s calling | s in all |")
    print("|---|---|---|---|---|---|---|---|---|")
    for said, latency in LATENCIES.items():
        rounds = [_round(client.Load(latency, options.slots, options.rows), options) for _ in range(options.rounds)]
        for side in rounds[0]:
            figures = {key: statistics.median(one[side][key] for one in rounds) for key in rounds[0][side]}
            times = statistics.median(one["seedbed"]["rows_per_s"] / one[side]["rows_per_s"] for one in rounds)
            print(_LINE.format(said, side, times=times, **figures), flush=True)


def _round(load: client.Load, options: argparse.Namespace) -> dict[str, dict[str, float]]:
    return {"seedbed": _ours(load)} | {name: peer(name, python, load) for name, python in options.python}


def _ours(load: client.Load) -> dict[str, float]:
    found = client.measured("ours", load)
    return _rates(load, found["seconds"]) | {
        "cpu_ms_per_call": found["cpu_ms_per_call"],
        "most": found["most"],
        "wall": found["seconds"],
    }


def _rates(load: client.Load, seconds: float) -> dict[str, float]:
    rate = load.rows / seconds
    return {"rows_per_s": rate, "calls_per_s": client.CALLS * rate, "calling": seconds}


def peer(name: str, python: str, load: client.Load) -> dict[str, float]:
    """A peer's figures under a load: rows/s and calls/s while it called, CPU ms a call, seconds of calling and in all,
    most calls in flight."""
    with tempfile.TemporaryDirectory() as folder, serving() as address:
        job = {"base": f"{address}/{load.latency}/v1", "slots": load.slots, "steps": steps(), "folder": folder}
        path = Path(folder) / "job.json"
        documents = list(passages(load.rows, client.CHARACTERS))
        path.write_text(json.dumps(job | {"documents": documents}), encoding="utf-8")
        command = [python, str(PEERS / f"run_{name}.py"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=os.environ | ENVIRONMENT)
        if done.returncode:
            raise SystemExit(f"{name} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        counted = stats(address)
        return found | _rates(load, counted["seconds"]) | {"most": counted["most"]}


def steps() -> dict[str, str]:
    """Our own prompts in the compact format, with `{{ column }}` for each value: what the peers send."""
    from programs.formats.formats import FORMATS
    from signatures.judges import JudgeClaim
    from signatures.qa.grounded_qa import AnswerQuestion, AskQuestion

    def prompt(signature: Any, **values: str) -> str:
        given = {name: f"{{{{ {values.get(name, name)} }}}}" for name in signature.input_fields}
        return str(FORMATS["compact"].format(signature, [], given)[0]["content"])

    return {
        "question": prompt(AskQuestion),
        "answer": prompt(AnswerQuestion),
        "verdict": prompt(JudgeClaim, claim="answer"),
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = sorted(path.stem.removeprefix("run_") for path in PEERS.glob("run_*.py"))
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="NAME=PATH",
        type=lambda text: text.split("=", 1),
        help=f"a peer's Python; NAME is one of {', '.join(known)}",
    )
    parser.add_argument("--rows", type=int, default=3072)
    parser.add_argument("--slots", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
