"""Forecasts the costs of N accepted rows from the costs of a few sources, with 95% ranges."""

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
    """A likely value between two bounds; None if a value is not known."""

    likely: float | None
    low: float
    high: float | None

    def __mul__(self, factor: "Range") -> "Range":
        """The product of two ranges. It multiplies their bounds, so it is wider than 95%: both factors are rarely at
        their bounds at once."""
        return Range(_product(self.likely, factor.likely), self.low * factor.low, _product(self.high, factor.high))


@dataclass(frozen=True)
class Usage:
    """One source's usage of one model. `seconds`: from request to reply, summed over its calls."""

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Trial:
    """A source of the pilot: how many of its rows passed the gate, and its usage by alias."""

    source: str
    passed: int
    used: Mapping[str, Usage]


@dataclass(frozen=True)
class Model:
    """A model's limits (in the entry), price and concurrency. `busy`: seconds in which it worked for the pilot."""

    entry: ModelEntry
    price: Price | None
    concurrency: int
    busy: float


@dataclass(frozen=True)
class Bill:
    """The cost of the rows for one model, or for all; dollars are None if a price is unknown."""

    calls: Range
    input_tokens: Range
    output_tokens: Range
    dollars: Range | None
    hours: Range


def acceptance(trials: Sequence[Trial]) -> Range:
    """Accepted rows for each source.

    The interval is by source, not by document: a feed's order is shuffled, so its first sources are a simple random
    sample of a run's sources.
    """
    most_rows = max(1, *(trial.passed for trial in trials))
    share = share_interval([trial.passed / most_rows for trial in trials], [trial.source for trial in trials])
    return Range(most_rows * share.mean, most_rows * share.low, most_rows * share.high)


def needed(rows: int, accepted: Range) -> Range:
    """The number of sources for so many accepted rows."""
    low = rows / accepted.high if accepted.high else 0.0
    return Range(
        rows / accepted.likely if accepted.likely else None, low, rows / accepted.low if accepted.low else None
    )


def alias_bill(trials: Sequence[Trial], alias: str, model: Model, sources: Range) -> Bill:
    """The cost of so many sources for one model."""
    usages = [trial.used.get(alias, Usage()) for trial in trials]
    return Bill(
        sources * mean_range([usage.calls for usage in usages]),
        sources * mean_range([usage.input_tokens for usage in usages]),
        sources * mean_range([usage.output_tokens for usage in usages]),
        sources * mean_range(dollars) if (dollars := _dollars(usages, model.price)) else None,
        sources * mean_range([seconds / 3600 for seconds in _seconds(usages, model)]),
    )


def total(trials: Sequence[Trial], bills: Mapping[str, Bill], models: Mapping[str, Model], sources: Range) -> Bill:
    """The cost of the sources for all models. The models work in parallel, so the slowest decides the hours."""
    by_alias = [[trial.used.get(alias, Usage()) for trial in trials] for alias in bills]
    costs = [_dollars(usages, models[alias].price) for alias, usages in zip(bills, by_alias, strict=True)]
    known_costs = [cost for cost in costs if cost]
    return Bill(
        sources * _summed([usage.calls for usage in usages] for usages in by_alias),
        sources * _summed([usage.input_tokens for usage in usages] for usages in by_alias),
        sources * _summed([usage.output_tokens for usage in usages] for usages in by_alias),
        sources * _summed(known_costs) if len(known_costs) == len(costs) else None,
        _longest([bill.hours for bill in bills.values()]),
    )


def mean_range(values: Sequence[float]) -> Range:
    """The mean over independent sources, with Student's t on the scale of its logarithm (the delta method), because
    costs are skewed and never below 0. The width is unknown for a single source."""
    mean, n = float(np.mean(values)), len(values)
    if not mean:
        return Range(0.0, 0.0, 0.0)
    if n < 2:
        return Range(mean, 0.0, None)
    reach = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / math.sqrt(n)) / mean
    return Range(mean, mean * math.exp(-reach), mean * math.exp(reach))


def _dollars(usages: Iterable[Usage], price: Price | None) -> list[float]:
    return [price.dollars(usage.input_tokens, usage.output_tokens) for usage in usages] if price else []


def _seconds(usages: Sequence[Usage], model: Model) -> list[float]:
    """The time that each source would add to a run, by the tightest limit: the model's own speed at full concurrency,
    its requests a minute, or its tokens a minute, where a call takes all of `max_tokens`."""
    entry, seconds = model.entry, sum(usage.seconds for usage in usages)
    slots = max(model.concurrency, seconds / model.busy if model.busy else 0)  # calls that waited for a slot seem slow
    limits = [[usage.seconds / slots for usage in usages]]
    if entry.rpm:
        limits.append([60 * usage.calls / entry.rpm for usage in usages])
    if entry.tpm:
        limits.append([60 * (usage.input_tokens + usage.calls * entry.max_tokens) / entry.tpm for usage in usages])
    return max(limits, key=sum)


def _summed(parts: Iterable[Sequence[float]]) -> Range:
    return mean_range([sum(costs) for costs in zip(*parts, strict=True)])


def _longest(hours: Sequence[Range]) -> Range:
    return Range(
        _greatest([span.likely for span in hours]),
        max(span.low for span in hours),
        _greatest([span.high for span in hours]),
    )


def _greatest(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return max(numbers) if len(numbers) == len(values) else None


def _product(a: float | None, b: float | None) -> float | None:
    if 0 in (a, b):
        return 0.0
    return None if a is None or b is None else a * b
