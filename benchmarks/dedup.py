"""Near-duplicate removal as a run does it, one row after the other: CPU, memory, and what is found.

    python benchmarks/dedup.py [--rows 1000000] [--words 25] [--share 0.05] [--bar 0.9] [--truth 20000]

The texts are made: words drawn by Zipf's law, so that frequent ones are shared as in a language, and a `share` of
texts that repeat an earlier one with a word changed, left out or put in. Each method is a process of its own. With
`--truth N` the first N texts are also compared pair by pair, which gives the recall; precision is 1 by construction,
and checked.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

VOCABULARY = 50_000


def texts(rows: int, length: int, share: float, seed: int = 0) -> Iterator[str]:
    """Texts of about `length` words, `share` of them an edit of one of the 10,000 before it."""
    chance = np.random.default_rng(seed)
    recent: list[list[str]] = []
    odds = 1 / np.arange(1, VOCABULARY + 1)
    sums = np.cumsum(odds / odds.sum())
    for _ in range(rows):
        if recent and chance.random() < share:
            made = edited(recent[chance.integers(len(recent))], chance)
        else:
            drawn = np.searchsorted(sums, chance.random(max(3, length + chance.integers(-2, 3))))
            made = [f"w{word}" for word in drawn.tolist()]
        if len(recent) < 10_000:
            recent.append(made)
        else:
            recent[chance.integers(10_000)] = made
        yield " ".join(made)


def edited(known: list[str], chance: np.random.Generator) -> list[str]:
    """A word changed, left out or put in."""
    place, kind = chance.integers(len(known)), chance.integers(3)
    new = [] if kind == 1 else [f"w{chance.integers(VOCABULARY)}"]
    return [*known[:place], *new, *known[place + (kind < 2) :]]


def ours(options: argparse.Namespace) -> list[int]:
    """The rows that the run's own duplicate check refuses."""
    from programs.core.row import Exchange
    from seedbed.runs.dedup.duplicates import Duplicates

    duplicates, refused = Duplicates(options.bar), []
    for number, text in enumerate(texts(options.rows, options.words, options.share)):
        row = Exchange(asked=text)
        if duplicates.refusal(row):
            refused.append(number)
        else:
            duplicates.remember(row)
    return refused


def exact(options: argparse.Namespace) -> list[int]:
    """The rows whose words were all there before, in this order."""
    from programs.core.text import words

    seen: set[int] = set()
    refused = []
    for number, text in enumerate(texts(options.rows, options.words, options.share)):
        key = hash(tuple(words(text)))
        if key in seen:
            refused.append(number)
        seen.add(key)
    return refused


def making(options: argparse.Namespace) -> list[int]:
    """Nothing but making the texts and rows: what the others take besides."""
    from programs.core.row import Exchange

    for text in texts(options.rows, options.words, options.share):
        Exchange(asked=text)
    return []


def all_pairs(options: argparse.Namespace) -> list[int]:
    """The rows that have a ROUGE-L of the bar with an accepted one, each compared with all of them."""
    from rapidfuzz import process
    from rapidfuzz.distance import Indel

    from programs.core.text import words

    symbols: dict[str, str] = {}
    known, refused = [], []
    for number, text in enumerate(texts(options.rows, options.words, options.share)):
        row = "".join(symbols.setdefault(word, chr(0x10000 + len(symbols))) for word in words(text))
        if process.extractOne(row, known, scorer=Indel.normalized_similarity, score_cutoff=options.bar):
            refused.append(number)
        else:
            known.append(row)
    return refused


def _measured(method: Callable[[argparse.Namespace], list[int]], options: argparse.Namespace) -> tuple[list[int], str]:
    """What it refused, and its line of the table; in a process of its own, for its memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        refused, cpu, wall, rss = pool.apply(_timed, (method, options))
    rate = cpu / options.rows * 1e6
    line = f"| {method.__name__.replace('_', ' ')} | {options.rows:,} | {cpu:.1f} | {rate:.1f} | {wall:.1f} | {rss:.0f}"
    return refused, f"{line} | {len(refused):,} |"


def _timed(
    method: Callable[[argparse.Namespace], list[int]], options: argparse.Namespace
) -> tuple[list[int], float, float, float]:
    began, cpu = time.perf_counter(), time.process_time()
    refused = method(options)
    took = time.process_time() - cpu, time.perf_counter() - began
    return refused, *took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the table, and recall and precision where the truth was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=25)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--bar", type=float, default=0.9)
    parser.add_argument("--truth", type=int, default=0)
    options = parser.parse_args()
    print("| method | rows | CPU s | us a row | wall s | peak RSS MB | refused |")
    print("|---|---|---|---|---|---|---|")
    for method in (making, exact, ours):
        print(_measured(method, options)[1], flush=True)
    if options.truth:
        options.rows = options.truth
        found, line = _measured(ours, options)
        print(line, flush=True)
        truth, line = _measured(all_pairs, options)
        print(line)
        both = len(set(found) & set(truth))
        print(f"\nrecall {both / max(1, len(truth)):.4f}, precision {both / max(1, len(found)):.4f}", file=sys.stdout)


if __name__ == "__main__":
    main()
