"""From what a few sources took to what N accepted rows will take, with 95% ranges."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from metrics.calibration.intervals import share_interval
from seedbed.config.models import ModelEntry
from seedbed.models.prices import Price


@dataclass(frozen=True)
class Range:
    """A likely value between two bounds; None where nothing can be said of it."""

    likely: float | None
    low: float
    high: float | None

    def __mul__(self, other: "Range") -> "Range":
        """The product of two ranges, whose bounds are those of the factors: wider than 95% where these are so far out
        in one go seldom."""
        return Range(_product(self.likely, other.likely), self.low * other.low, _product(self.high, other.high))


@dataclass(frozen=True)
class Used:
    """What one source took of one model. `seconds`: from asking to hearing, summed over its calls."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Trial:
    """A source of the pilot: the rows of it that passed the gate, and what it took by alias."""

    source: str
    passed: int
    used: Mapping[str, Used]


@dataclass(frozen=True)
class Model:
    """What a model takes at once and a minute, and costs. `busy`: seconds of the pilot in which it was at work."""

    entry: ModelEntry
    price: Price | None
    concurrency: int
    busy: float


@dataclass(frozen=True)
class Bill:
    """What the rows take of a model, or of all; dollars are None where a price is unknown."""

    calls: Range
    input_tokens: Range
    output_tokens: Range
    dollars: Range | None
    hours: Range


def acceptance(trials: Sequence[Trial]) -> Range:
    """Accepted rows a source.

    By source, not by document: a feed's order is shuffled, so that its first sources are a simple random sample of
    those a run would take.
    """
    most = max(1, *(trial.passed for trial in trials))
    share = share_interval([trial.passed / most for trial in trials], [trial.source for trial in trials])
    return Range(most * share.mean, most * share.low, most * share.high)


def needed(rows: int, accepted: Range) -> Range:
    """Sources that so many accepted rows take."""
    low = rows / accepted.high if accepted.high else 0.0
    return Range(
        rows / accepted.likely if accepted.likely else None, low, rows / accepted.low if accepted.low else None
    )


def bill(trials: Sequence[Trial], alias: str, model: Model, sources: Range) -> Bill:
    """What so many sources take of one model."""
    used = [trial.used.get(alias, Used()) for trial in trials]
    return Bill(
        sources * mean_range([one.calls for one in used]),
        sources * mean_range([one.input_tokens for one in used]),
        sources * mean_range([one.output_tokens for one in used]),
        sources * mean_range(dollars) if (dollars := _dollars(used, model.price)) else None,
        sources * mean_range([seconds / 3600 for seconds in _seconds(used, model)]),
    )


def total(trials: Sequence[Trial], bills: Mapping[str, Bill], models: Mapping[str, Model], sources: Range) -> Bill:
    """What they take of all models, which work side by side: the slowest says how long."""
    every = [[trial.used.get(alias, Used()) for trial in trials] for alias in bills]
    costs = [_dollars(used, models[alias].price) for alias, used in zip(bills, every, strict=True)]
    known = [cost for cost in costs if cost]
    return Bill(
        sources * _summed([one.calls for one in used] for used in every),
        sources * _summed([one.input_tokens for one in used] for used in every),
        sources * _summed([one.output_tokens for one in used] for used in every),
        sources * _summed(known) if len(known) == len(costs) else None,
        _longest([bill.hours for bill in bills.values()]),
    )


def mean_range(values: Sequence[float]) -> Range:
    """The mean of what independent sources took, none below 0, with Student's t on the scale of its logarithm (the
    delta method): such figures are skewed, and never below 0. Of one source alone no width is known."""
    mean, n = float(np.mean(values)), len(values)
    if not mean:
        return Range(0.0, 0.0, 0.0)
    if n < 2:
        return Range(mean, 0.0, None)
    reach = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n)) / mean
    return Range(mean, mean * math.exp(-reach), mean * math.exp(reach))


def _dollars(used: Iterable[Used], price: Price | None) -> list[float]:
    return [price.dollars(one.input_tokens, one.output_tokens) for one in used] if price else []


def _seconds(used: Sequence[Used], model: Model) -> list[float]:
    """For each source the time it would add to a run, by whatever holds a run up most: the model's own speed at full
    concurrency, its requests or its tokens a minute, of which a call takes all of `max_tokens`."""
    entry, asked = model.entry, sum(one.seconds for one in used)
    slots = max(model.concurrency, asked / model.busy if model.busy else 0)  # calls that waited for a slot seem slow
    ways = [[one.seconds / slots for one in used]]
    if entry.rpm:
        ways.append([60 * one.calls / entry.rpm for one in used])
    if entry.tpm:
        ways.append([60 * (one.input_tokens + one.calls * entry.max_tokens) / entry.tpm for one in used])
    return max(ways, key=sum)


def _summed(parts: Iterable[Sequence[float]]) -> Range:
    return mean_range([sum(one) for one in zip(*parts, strict=True)])


def _longest(hours: Sequence[Range]) -> Range:
    likely, high = [one.likely for one in hours], [one.high for one in hours]
    return Range(
        None if None in likely else max(one for one in likely if one is not None),
        max(one.low for one in hours),
        None if None in high else max(one for one in high if one is not None),
    )


def _product(one: float | None, other: float | None) -> float | None:
    if 0 in (one, other):
        return 0.0
    return None if one is None or other is None else one * other
