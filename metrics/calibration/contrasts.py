"""The rows to which the metric is fitted: good ones, right ones in other words, and bad ones made by rule."""

from collections.abc import Sequence

from metrics.calibration.negatives import EDITS, hard_negatives, kind_of
from metrics.calibration.twins import twins
from metrics.calibration.verdicts import LabelledCase


def contrasts(good: Sequence[LabelledCase]) -> list[LabelledCase]:
    """The rows of a fit: the good rows, their twins, and negatives of every kind. Twins that are sentences give edits
    too, so that a whole sentence may also be wrong in one word."""
    doubles = [twin for case in good for twin in twins(case)]
    whole = [twin for twin in doubles if twin.reason == "twin: sentence"]
    edited = [case for case in hard_negatives(whole, all_kinds=True) if kind_of(case) in EDITS]
    return [*good, *doubles, *hard_negatives(good, all_kinds=True), *edited]
