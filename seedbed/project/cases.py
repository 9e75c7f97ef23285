"""The cases to which a project's metric is fitted: its verdicts, and rows made by rule if these are too few."""

import itertools
from collections.abc import Callable, Sequence

from metrics.calibration.negatives import hard_negatives
from metrics.calibration.verdicts import LabelledCase, Preference
from programs.core.recipe import Seed

LEAST = 60  # labelled rows that are needed to see what a judge adds

Grouped = Callable[[Sequence[LabelledCase]], list[LabelledCase]]
"""Cases -> the same cases with the full names of their documents."""


def labelled(seed: Seed) -> LabelledCase | None:
    """The seed's row as a good case, of several exchanges the first, which is understood alone; None if it has no row
    that answers from a document."""
    row = next(iter(seed.row.views()), None) if seed.row else None
    if row is None or not row.document or row.refuses:
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
    """The verdicts. If there are fewer than LEAST, good rows of the seeds, and bad rows that rules make of these, fill
    up in turn. If the verdicts are of one kind, the good ones (or else the seeds) and the bad ones (or else those that
    rules make). No cases if only one kind is left.

    Args:
        seeds: the rows of the training seeds. english: rules for English words may make bad rows.
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
