"""What a project's metric is fitted to: its verdicts, and rows made by rule where these are too few."""

import itertools
from collections.abc import Callable, Sequence

from metrics.calibration.negatives import hard_negatives
from metrics.calibration.verdicts import LabelledCase, Preference
from programs.core.recipe import Seed

LEAST = 60  # labelled rows from which one sees what a judge adds

Grouped = Callable[[Sequence[LabelledCase]], list[LabelledCase]]
"""Cases -> the same by the full names of their documents."""


def labelled(seed: Seed) -> LabelledCase | None:
    """The good row that a seed stands for; None where it stands for none."""
    row = seed.row
    if row is None:
        return None
    return LabelledCase(
        id=seed.id, document=row.document, question=row.prompt, answer=row.response, label=1, group=seed.group
    )


def cases_of(
    verdicts: Sequence[LabelledCase | Preference],
    seeds: Sequence[LabelledCase],
    grouped: Grouped,
    *,
    english: bool = True,
) -> list[LabelledCase | Preference]:
    """The verdicts. Where they are fewer than LEAST, good rows of the seeds and bad ones that rules make of these, in
    turn, for those that are missing; where verdicts or seeds are good alone, these and the bad ones of them; none where
    there is nothing of two kinds.

    Args:
        seeds: the rows that the training seeds stand for. english: rules of English words may make bad rows.
    """
    rows = [case for case in verdicts if isinstance(case, LabelledCase)]
    if len({case.label for case in rows}) > 1:
        top = max(case.label for case in rows)  # verdicts may be grades
        good = [case.model_copy(update={"label": top}) for case in seeds]
        turns = zip(good, hard_negatives(grouped(good), english=english), strict=False)
        return [*verdicts, *itertools.islice(itertools.chain(*turns), max(0, LEAST - len(rows)))]
    good = [case for case in rows if case.label > 0] or list(seeds)
    bad = [case for case in rows if case.label <= 0] or hard_negatives(grouped(good), english=english)
    return [*good, *bad] if good and bad else []
