"""What labelled rows are worth to a classifier, measured at the end of a run."""

import heapq
from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path
from typing import Any

from metrics.extrinsic import Extrinsic, LabelledText, extrinsic
from programs.core.kinds import Labelled, kind_of
from seedbed.project.session import Session
from seedbed.runs.rows import candidate_of
from seedbed.storage.run_reader import shards_of

SAMPLE = 1000  # the most rows that a classifier is trained on


def downstream(session: Session, out: Path) -> Extrinsic | None:
    """The classifier trained on the rows of the run in a folder, beside one trained on the training seeds; both are
    tested on the held-out seeds. None for rows of another kind, and where there is too little to train or test on.

    A row or the row of a seed may have a `task`; without one, all are of one task. Of many rows it takes those with the
    smallest ids, which are digests.
    """
    project = session.project
    if kind_of(project.recipe.program.row) is not Labelled:
        return None
    rows = (row for shard in shards_of(out, "rows") for row in shard.rows())
    sample = heapq.nsmallest(SAMPLE, rows, key=itemgetter("id"))
    seeds, held_out = (filter(None, (seed.row for seed in of)) for of in (project.training_seeds, project.test_seeds))
    made = (candidate_of(row, accepted=True) for row in sample)
    return extrinsic(_texts(made), _texts(seeds), _texts(held_out), session.embed)


def _texts(rows: Iterable[Any]) -> list[LabelledText]:
    return [LabelledText(getattr(row, "task", ""), row.text, row.label) for row in rows]
