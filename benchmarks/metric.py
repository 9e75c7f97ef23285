"""What the metric costs without judges: rows a second and core, one after another and many at once.

    python benchmarks/metric.py [--at-once 1,32,128] [--rounds 3]

The rows are the questions and answers of data/qa/grounded_qa, on the passages they were written for, those
of one document joined to one of a run's length. Each is put to the metric as a run does: looked at when it is asked and
when it is answered, judged, and its sentences cited. Every
round of every load begins with an embedder that remembers nothing. Prints Markdown: medians over the rounds. CPU is
the process's, user and system; a core is a second of it. Late is how much longer than asked a sleep of 20 ms on the
event loop took, the 95th percentile.
"""

import argparse
import asyncio
import contextlib
import functools
import itertools
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from metrics.calibration.verdicts import LabelledCase, verdict_line
from metrics.citation import citations
from metrics.metric import Bars, Metric
from optimize.seeds import read_lines
from programs.core.embedding import Vectors
from programs.qa.grounded_qa import QA, RECIPE, QASeed
from seedbed.models import embedder
from seedbed.models.embedder import MODEL, Embedder
from seedbed.models.embedding_batches import EmbeddingQueue

DATA = Path(__file__).parent.parent / "data"
LONGEST = 1024  # characters of a passage: twice what a run cuts documents into by default
TICK = 0.02  # seconds


class Measured(NamedTuple):
    """One round of one load: totals, in seconds where they are times."""

    wall: float
    cpu: float
    encoding: float
    texts: int
    batches: int
    late: float


class Encoder:
    """The embedded model, and what it was asked: texts, batches, CPU seconds of the threads that encode."""

    def __init__(self) -> None:
        self.texts, self.batches, self.seconds = 0, 0, 0.0

    def __call__(self, texts: Sequence[str]) -> Vectors:
        begun = time.thread_time()
        vectors = embedder._encoded(MODEL, texts)
        self.texts, self.batches = self.texts + len(texts), self.batches + 1
        self.seconds += time.thread_time() - begun
        return vectors


def main() -> None:
    """Measure all loads in turns and print the table."""
    options = _options()
    made, shown = _rows()
    loads = [int(n) for n in options.at_once.split(",")]
    asyncio.run(_measured(made[:8], shown, 8))  # loads the model
    rounds = [{n: asyncio.run(_measured(made, shown, n)) for n in loads} for _ in range(options.rounds)]
    print(f"{len(made)} rows on {len({row.passage for row in made})} passages, {len(shown)} seeds' questions\n")
    print("| at once | rows/s | texts/s | rows/s and core | CPU ms a row | of it encoding | texts a batch | late ms |")
    print(f"|{'---|' * 8}")
    for n in loads:
        _print(n, len(made), [one[n] for one in rounds])


async def _measured(made: Sequence[QA], shown: Sequence[str], at_once: int) -> Measured:
    encoder, slots, late = Encoder(), asyncio.Semaphore(at_once), list[float]()
    embedder._queue = functools.cache(lambda name: EmbeddingQueue(encoder))
    metric = Metric(RECIPE, Embedder(MODEL), Bars(), shown=shown)

    async def one(row: QA) -> None:
        async with slots:
            await metric.veto(row.model_copy(update={"answer": ""}))
            await metric.veto(row)
            await metric.judged(row)
            await citations(metric.embed, row)

    ticking = asyncio.create_task(_tick(late))
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*map(one, made))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    ticking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await ticking
    return Measured(wall, cpu, encoder.seconds, encoder.texts, encoder.batches, float(np.quantile(late, 0.95)))


async def _tick(late: list[float]) -> None:
    while True:
        begun = time.perf_counter()
        await asyncio.sleep(TICK)
        late.append(time.perf_counter() - begun - TICK)


def _rows() -> tuple[list[QA], list[str]]:
    """Rows with an answer, those of a document after each other, and the questions no row may repeat."""
    seeds = read_lines(DATA / "qa" / "grounded_qa" / "seeds.jsonl", QASeed.model_validate_json)
    lines = read_lines(DATA / "qa" / "grounded_qa" / "pairs.jsonl", verdict_line)
    cases = [line for line in lines if isinstance(line, LabelledCase)]
    said = [(one.unit, one.document or "", one.question or "", one.answer) for one in cases]
    said += [(one.source, one.document, f"By the text, {one.question}", one.answer) for one in seeds if one.answer]
    joined = _joined([(document, passage) for document, passage, _, _ in said])
    rows = {(joined[passage], question, answer) for _, passage, question, answer in said}
    made = [QA(passage=passage, question=question, answer=answer) for passage, question, answer in sorted(rows)]
    return made, [seed.question for seed in seeds]


def _joined(passages: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The longer passage that each short one is part of; given (document, passage)."""
    parts = list[list[str]]()
    for _, ours in itertools.groupby(sorted(set(passages)), key=lambda one: one[0]):
        parts.append([])
        for _, passage in ours:
            if sum(map(len, parts[-1])) + len(passage) > LONGEST:
                parts.append([])
            parts[-1].append(passage)
    return {passage: " ".join(part) for part in parts for passage in part}


def _print(at_once: int, rows: int, rounds: Sequence[Measured]) -> None:
    print(
        f"| {at_once} | {statistics.median(rows / one.wall for one in rounds):.1f} "
        f"| {statistics.median(one.texts / one.wall for one in rounds):.0f} "
        f"| {statistics.median(rows / one.cpu for one in rounds):.1f} "
        f"| {statistics.median(1000 * one.cpu / rows for one in rounds):.1f} "
        f"| {statistics.median(one.encoding / one.cpu for one in rounds):.0%} "
        f"| {statistics.median(one.texts / one.batches for one in rounds):.1f} "
        f"| {statistics.median(1000 * one.late for one in rounds):.1f} |"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at-once", default="1,32,128", help="rows at once, by commas")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
