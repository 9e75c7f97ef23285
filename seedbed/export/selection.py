"""Which rows an export takes: likely ones, so many, evenly over documents or teachers, in shares of several runs."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from optimize.splits import even_shares
from programs.core.row import digest
from seedbed.errors import UserError
from seedbed.export.runs import FinishedRun

Balance = Literal["document", "teacher"]
_KEYS: dict[Balance, str] = {"document": "group", "teacher": "teacher"}


@dataclasses.dataclass(frozen=True)
class Selection:
    """What to take.

    Attributes:
        reviewed: only rows that people called good; those that they called bad are never taken. least: the lowest
        probability that a person accepts the row, in [0, 1]. limit: the most rows. balance: take as
        evenly as there are rows of each document or teacher. mix: run -> its share of the rows; empty takes all.
    """

    reviewed: bool = False
    least: float | None = None
    limit: int | None = None
    balance: Balance | None = None
    mix: Mapping[str, float] = dataclasses.field(default_factory=dict)


def chosen_rows(runs: Sequence[FinishedRun], selection: Selection) -> list[set[str]]:
    """The ids of the rows to take of each run. Raises UserError if the mix names no run, or probabilities are asked for
    that a run does not have."""
    indexes = [_wanted(run, _likely(run, selection.least), reviewed=selection.reviewed) for run in runs]
    numbers = _numbers([run.name for run in runs], [len(index) for index in indexes], selection)
    return [_taken(index, number, selection.balance) for index, number in zip(indexes, numbers, strict=True)]


def _wanted(run: FinishedRun, rows: Sequence[dict[str, Any]], *, reviewed: bool) -> list[dict[str, Any]]:
    """The rows that people let pass."""
    return [row for row in rows if run.called.get(row["id"], not reviewed)]


def _likely(run: FinishedRun, least: float | None) -> list[dict[str, Any]]:
    """The rows that are likely enough to be good."""
    rows: list[dict[str, Any]] = run.index.select(["id", "group", "teacher", "probability"]).to_pylist()
    if least is None:
        return rows
    if rows and all(row["probability"] is None for row in rows):
        raise UserError(
            f"--min-probability: the rows of {run.folder} have no probability.",
            hint="Its recipe scores no evidence, or an older Seedbed made it: leave the option out.",
        )
    return [row for row in rows if row["probability"] is not None and row["probability"] >= least]


def _numbers(names: Sequence[str], sizes: Sequence[int], selection: Selection) -> list[int]:
    """How many rows to take of each run: with a mix, as many as the scarcest share allows."""
    mix = selection.mix
    if not mix:
        return list(sizes) if selection.limit is None else even_shares(sizes, min(selection.limit, sum(sizes)))
    if set(mix) != set(names):
        raise UserError(
            f"--mix names {', '.join(mix)}, and the runs are {', '.join(names)}.",
            hint="Name each run's folder once, as in --mix a=0.6,b=0.4.",
        )
    shares = [mix[name] / sum(mix.values()) for name in names]
    total = min(size / share for size, share in zip(sizes, shares, strict=True) if share)
    total = total if selection.limit is None else min(total, selection.limit)
    return [int(total * share + 1e-9) for share in shares]


def _taken(rows: Sequence[Mapping[str, Any]], number: int, balance: Balance | None) -> set[str]:
    """The ids of so many rows, those with the smallest digests; with `balance`, as evenly as there are rows of each."""
    ordered = sorted(rows, key=lambda row: digest(row["id"]))
    if balance is None or number >= len(rows):
        return {row["id"] for row in ordered[:number]}
    piles: dict[str, list[str]] = {}
    for row in ordered:
        piles.setdefault(row[_KEYS[balance]], []).append(row["id"])
    shares = even_shares([len(pile) for pile in piles.values()], number)
    return {id for pile, share in zip(piles.values(), shares, strict=True) for id in pile[:share]}


def held_out(runs: Sequence[FinishedRun]) -> frozenset[str]:
    """The groups (documents) that one of the runs holds out for validation: they are held out in all."""
    return frozenset().union(*(run.held_out for run in runs))
