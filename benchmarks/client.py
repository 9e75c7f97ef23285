"""What the client costs: a program of three calls a row, through all of Seedbed's stack, beside bare aiohttp.

    python benchmarks/client.py [--only 512] [--rounds 3] [--rows 3000] [--uvloop]

Both sides ask a mock server on loopback (benchmarks/mock_server.py) the same prompts, with as many rows at once as
calls may be in flight. They take turns, each in a process of its own with a server of its own. Prints Markdown: medians
over the rounds, and ratios taken within a round. CPU is the client's alone, user and system, after a warm-up.

Sides: `bare` fills ready-made prompts and posts them; `ours` is what `seedbed run` calls a model of one's own through,
journal included; `bounded` is ours with a model that costs money and a limit in dollars, so that every call is booked
in the ledger before it is sent; `unjournalled` is ours without its journal.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mock_server import serving, stats
from passages import passages

CALLS, CHARACTERS, WARM_UP, TOKENS = 3, 2000, 8, 256
Row = Callable[[str], Awaitable[None]]
"""Makes the three calls for one document."""


class Load(NamedTuple):
    """What is asked of both sides: `rows` rows, `slots` at once, of a server of this latency (see mock_server)."""

    latency: str
    slots: int
    rows: int
    sides: Sequence[str] = ("bare", "ours", "bounded")


LOADS = {
    "128 in flight, 200 ms": Load("fixed-200", 128, 2000),
    "512 in flight, 1 s": Load("fixed-1000", 512, 3072),
    "512 in flight, 200 ms": Load("fixed-200", 512, 5120, ("bare", "ours", "bounded", "unjournalled")),
    "64 in flight, lognormal of mean 1 s": Load("lognormal-1000-0.8", 64, 1000),
}


def main() -> None:
    """Measure one side for the process that asks (`--side`), or all and print the table."""
    options = _options()
    if options.side:
        print(json.dumps(_measured(options.side, options.address, Load(options.latency, options.slots, options.rows))))
        return
    print("| load | side | calls/s | of bare | CPU ms a call | times bare | most in flight | peak MB |")
    print("|---|---|---|---|---|---|---|---|")
    for name, load in LOADS.items():
        if options.only in name:
            _compare(name, load._replace(rows=options.rows or load.rows), options)


def _compare(name: str, load: Load, options: argparse.Namespace) -> None:
    rounds = [{side: measured(side, load, uvloop=options.uvloop) for side in load.sides} for _ in range(options.rounds)]

    def median(side: str, key: str) -> float:
        return statistics.median(one[side][key] for one in rounds)

    def ratio(side: str, other: str, key: str) -> float:
        return statistics.median(one[side][key] / one[other][key] for one in rounds)

    for side in load.sides:
        rate, cpu = ratio(side, "bare", "calls_per_s"), ratio(side, "bare", "cpu_ms_per_call")
        print(
            f"| {name} | {side} | {median(side, 'calls_per_s'):.0f} | {rate:.2f} "
            f"| {median(side, 'cpu_ms_per_call'):.2f} | {cpu:.1f} "
            f"| {median(side, 'most'):.0f} | {median(side, 'peak_mb'):.0f} |",
            flush=True,
        )
    if "unjournalled" in load.sides:
        print(f"\njournal on against off: {ratio('ours', 'unjournalled', 'calls_per_s'):.2f} of the calls/s")


def measured(side: str, load: Load, *, uvloop: bool = False) -> dict[str, Any]:
    """One side's figures under a load, from processes of its own: calls/s, CPU ms a call, seconds, most calls in
    flight, the sum over the prompts, peak MB."""
    with serving() as address:
        told = {"side": side, "address": address, "latency": load.latency, "slots": load.slots, "rows": load.rows}
        flags = [f"--{name}={value}" for name, value in told.items()] + ["--uvloop"] * uvloop
        done = subprocess.run(
            [sys.executable, __file__, *flags], input=_prompts(), stdout=subprocess.PIPE, text=True, check=True
        )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@functools.cache
def _prompts() -> str:
    """The bare side's prompts. They are rendered here, so that its process never loads DSPy."""
    from three_calls import templates

    return json.dumps(templates())


def _measured(side: str, address: str, load: Load) -> dict[str, Any]:
    figures = _bare(address, load) if side == "bare" else _ours(side, address, load)
    counted = stats(address)
    if counted["requests"] != CALLS * (load.rows + WARM_UP):
        raise SystemExit(f"{side}: {counted['requests']} calls for {load.rows + WARM_UP} rows, not {CALLS} each")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures | {"most": counted["most"], "prompts": counted["prompts"], "peak_mb": peak}


async def _timed(row: Row, load: Load) -> dict[str, float]:
    await _work(row, passages(WARM_UP, CHARACTERS, seed=1), WARM_UP)
    documents = list(passages(load.rows, CHARACTERS))
    started, spent = time.monotonic(), time.process_time()
    await _work(row, iter(documents), load.slots)
    wall, cpu = time.monotonic() - started, time.process_time() - spent
    calls = CALLS * load.rows
    return {"calls_per_s": calls / wall, "cpu_ms_per_call": 1000 * cpu / calls, "seconds": wall}


async def _work(row: Row, documents: Iterator[str], slots: int) -> None:
    async def worker() -> None:
        for document in documents:
            await row(document)

    await asyncio.gather(*(worker() for _ in range(slots)))


def _ours(side: str, address: str, load: Load) -> dict[str, float]:
    """Rows as a run makes them: a session's settings, a scope a row, the program's own steps."""
    from three_calls import ThreeCalls

    from programs.core.background import run_sync
    from programs.core.row import digest
    from seedbed.models.call_context import Scope
    from seedbed.runs.gc_tuning import calm

    program = ThreeCalls()

    async def row(document: str) -> None:
        with Scope(digest(document)).open():
            candidate = (await program.acall(document=document)).candidates[0]
        if candidate.dropped:
            raise SystemExit(f"{side}: {candidate.dropped}")

    with _stack(side, address, load), calm():
        return run_sync(_timed(row, load))


@contextlib.contextmanager
def _stack(side: str, address: str, load: Load) -> Iterator[None]:
    """A session over the mock server, as `seedbed run` opens it."""
    import dspy

    from seedbed.config.load import Config
    from seedbed.models.lm import TeacherLM
    from seedbed.project.project import Project
    from seedbed.project.session import Session

    entry = {"model": "mock", "api_base": f"{address}/{load.latency}/v1", "concurrency": load.slots}
    dollars = 0.1 if side == "bounded" else 0.0
    prices = {"max_tokens": TOKENS, "input_price": dollars, "output_price": dollars}
    config = {"recipe": "grounded-qa", "models": {"mock": entry | prices}, "roles": {"teacher": "mock"}, "seeds": "-"}
    config |= {"run": {"max_usd": 1000.0}} if side == "bounded" else {}
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Config.model_validate(config), Path(folder))
        with Session(project, Path(folder) / "journal.sqlite", history=False) as session:
            lm = session.lm("teacher")
            if side == "unjournalled":
                lm = TeacherLM("mock", lm.async_engine.engine, temperature=0.0, max_tokens=TOKENS)
            with dspy.context(lm=lm):
                yield


def _bare(address: str, load: Load) -> dict[str, float]:
    """The same posts of the same prompts, which are ready but for their documents, questions and answers."""
    import aiohttp
    import orjson

    prompts, url = json.load(sys.stdin), f"{address}/{load.latency}/v1/chat/completions"

    async def call(session: Any, system: str, user: str, values: dict[str, str]) -> str:
        for name, value in values.items():
            user = user.replace(f"<<{name}>>", value)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        body = {"model": "mock", "messages": messages, "max_tokens": TOKENS, "temperature": 0.0}
        async with session.post(url, data=orjson.dumps(body)) as reply:
            said = orjson.loads(await reply.read())["choices"][0]["message"]["content"]
        return str(said.split(" ## ]]\n", 1)[1].split("\n\n[[ ## ", 1)[0])

    async def work() -> dict[str, float]:
        connector, headers = aiohttp.TCPConnector(limit=0), {"content-type": "application/json"}
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

            async def row(document: str) -> None:
                values = {"document": document}
                for name, (system, user) in prompts.items():
                    values[name] = await call(session, system, user, values)

            return await _timed(row, load)

    return asyncio.run(work())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="the loads with this in their name")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, help="rows of each load")
    parser.add_argument("--uvloop", action="store_true", help="on both sides")
    for name, kind in {"side": str, "address": str, "latency": str, "slots": int}.items():
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.uvloop and options.side:
        import uvloop

        uvloop.install()
    return options


if __name__ == "__main__":
    main()
