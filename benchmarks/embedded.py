"""How embedded models are best served on this machine: slots, prompts kept, the order of calls, and two models at once.

    python benchmarks/embedded.py slots PROJECT [--model embedded/qwen2.5-coder-0.5b] [--calls 60]
    python benchmarks/embedded.py pair PROJECT [--judge embedded/qwen2.5-coder-1.5b] [--calls 24]

PROJECT is a compiled project: its journal's calls are made again, as they are, to servers with other settings. `slots`
prints for each setting the seconds a call, and the share of the prompts' tokens that was read anew: the rest was in a
slot or among the prompts kept. `by step` makes the calls of one instruction after another. `pair` makes every call to
the project's model and then the judge's, from two tasks at once, as a run does. Prints Markdown.
"""

import argparse
import asyncio
import itertools
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson
from dspy import lm15

from programs.core.background import run_sync
from programs.core.tools import using
from seedbed.config.models import ModelEntry
from seedbed.dspy_internals import request_from_dict
from seedbed.models.engines.embedded import EmbeddedEngine
from seedbed.models.shelf import machine, servers

Call = lm15.Request


class Measured(NamedTuple):
    """Seconds a call, and the share of prompt tokens that were read anew."""

    seconds: float
    anew: float


def calls_of(project: Path, most: int) -> list[Call]:
    """The project's calls in the order in which they were made, spread evenly over all of them in stretches of 20."""
    with sqlite3.connect(project / ".seedbed" / "journal.sqlite") as journal:
        rows = journal.execute("select request from calls order by rowid").fetchall()
    stretches = [rows[start : start + 20] for start in range(0, len(rows), 20)]
    chosen = stretches[:: max(1, len(stretches) * 20 // most)]
    return [request_from_dict(orjson.loads(row)) for stretch in chosen for (row,) in stretch][:most]


async def ask(engine: EmbeddedEngine, call: Call) -> lm15.Response:
    """One call, continued as text where it was before."""
    continued = tuple(call.config.stop or ()) == ("\n\n",)
    with using(continues=continued):
        return await engine.complete(call)


async def served(engine: EmbeddedEngine, calls: Sequence[Call], at_once: int) -> Measured:
    """All calls, so many at once, once the server has started."""
    await ask(engine, calls[0])
    read = known = 0
    waiting = iter(calls)

    async def work() -> None:
        nonlocal read, known
        for call in waiting:
            usage = (await ask(engine, call)).usage
            read, known = read + (usage.input_tokens or 0), known + (usage.cache_read_tokens or 0)

    started = time.monotonic()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return Measured((time.monotonic() - started) / len(calls), 1 - known / read)


async def slots(args: argparse.Namespace) -> None:
    """One setting a line."""
    calls = calls_of(args.project, args.calls)
    by_step = sorted(calls, key=lambda call: f"{call.system}{call.messages[0].text}"[:200])
    print(f"{len(calls)} calls of {args.project.name} to {args.model}\n")
    print("| slots | prompts kept, MiB | order | s a call | prompt tokens read anew |\n|---|---|---|---|---|")
    for count, kept, (order, made) in itertools.product(
        (1, 2, 4), (0, 256), (("as made", calls), ("by step", by_step))
    ):
        servers.CACHE_MIB = kept
        engine = EmbeddedEngine(ModelEntry(model=args.model, slots=count), Path())
        measured = await served(engine, made, count)
        await engine.aclose()
        print(f"| {count} | {kept} | {order} | {measured.seconds:.2f} | {measured.anew:.0%} |", flush=True)


async def pair(args: argparse.Namespace) -> None:
    """Two models by turns, with no gate, one gate, and half of the cores each."""
    calls, cores = calls_of(args.project, args.calls), machine.cores()
    print("| arrangement | s a row (one call to each) | memory of both, GB |\n|---|---|---|")
    for name, threads, gate in (
        ("the first model alone, all cores", cores, None),
        ("both, all cores each, no gate", cores, None),
        ("both, all cores each, one call at a time", cores, asyncio.Semaphore(1)),
        ("both, half of the cores each, no gate", max(1, cores // 2), None),
    ):
        models = [args.model] if "alone" in name else [args.model, args.judge]
        engines = [EmbeddedEngine(ModelEntry(model=model, threads=threads), Path()) for model in models]
        seconds = await by_turns(engines, calls, gate)
        print(f"| {name} | {seconds:.2f} | {memory():.1f} |", flush=True)
        for engine in engines:
            await engine.aclose()


async def by_turns(engines: Sequence[EmbeddedEngine], calls: Sequence[Call], gate: asyncio.Semaphore | None) -> float:
    """Seconds a row: two tasks, each making a call to every engine in turn, row after row."""
    for engine in engines:
        await ask(engine, calls[0])
    waiting = iter(calls)

    async def work() -> None:
        for call in waiting:
            for engine in engines:
                if gate is None:
                    await ask(engine, call)
                else:
                    async with gate:
                        await ask(engine, call)

    started = time.monotonic()
    await asyncio.gather(work(), work())
    return (time.monotonic() - started) / len(calls)


def memory() -> float:
    """Gigabytes that this process's servers hold, their weights included."""
    import psutil

    children = psutil.Process().children()
    return sum(child.memory_info().rss for child in children) / machine.GB


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("slots", "pair"))
    parser.add_argument("project", type=Path)
    parser.add_argument("--model", default="embedded/qwen2.5-coder-0.5b")
    parser.add_argument("--judge", default="embedded/qwen2.5-coder-1.5b")
    parser.add_argument("--calls", type=int, default=60)
    args = parser.parse_args()
    chosen: Callable[[argparse.Namespace], Awaitable[None]] = slots if args.what == "slots" else pair
    run_sync(chosen(args))


if __name__ == "__main__":
    main()
