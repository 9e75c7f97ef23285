"""The public sets of the shipped fit, listed before it was made: what it is chosen by, and what it is reported on.

| set | for | rows | group |
|---|---|---|---|
| SQuAD, every second article | choosing | answers and twins; rule-made negatives, plausible answers | article |
| SQuAD, the other articles | reporting | the same | article |
| HaluEval, matched for length | reporting | of each length as many right answers as invented ones | passage |
| BEGIN, half of the texts | looked at | replies to a text, attributable or not, by people | text |
| BEGIN, the other half | reporting | the same | text |
| SummEdits | reporting | summaries with small edits, checked by people | document |

By the sets for choosing it is decided which evidence is kept, how strong the ridge is and where the threshold stands;
the seeds and good verdicts that the fit is made from serve for it too, each document left out in turn. No decision
looks at a set for reporting, nor at the bad ones among the hand-written verdicts; but for one: the first fit read 0.77
on BEGIN, since its replies, which answer no question, have no full stop and were held to have broken off. One half of
it was looked at then, the part `whole` was kept to rows with a question, and the other half is reported. Public sets
are read from the folder named on the command line; no weight is fitted to them.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from labelled_sets import begin, summedits

from metrics.calibration.contrasts import contrasts
from metrics.calibration.verdicts import LabelledCase
from programs.core.row import digest
from programs.core.text import words

QUESTIONS = 1  # of a SQuAD passage that have an answer, and as many that have none


def squad_chosen(folder: Path) -> Iterator[LabelledCase]:
    """SQuAD 2.0 dev (Rajpurkar et al. 2018), the articles that the fit is chosen by."""
    yield from _squad(folder, 0)


def squad_reported(folder: Path) -> Iterator[LabelledCase]:
    """SQuAD 2.0 dev, the articles that it is reported on."""
    yield from _squad(folder, 1)


def halueval_matched(folder: Path) -> Iterator[LabelledCase]:
    """HaluEval QA (Li et al. 2023): of each length in words as many right answers as invented ones, so that length,
    which else nearly solves the set, says nothing."""
    by_length = defaultdict[int, tuple[list[LabelledCase], list[LabelledCase]]](lambda: ([], []))
    for row in _rows(folder, "halueval_qa"):
        for label, key in enumerate(("hallucinated_answer", "right_answer")):
            case = LabelledCase(document=row["knowledge"], question=row["question"], answer=row[key], label=label)
            by_length[len(words(case.answer))][label].append(case)
    for wrong, right in by_length.values():
        fewer = min(len(wrong), len(right))
        yield from (*wrong[:fewer], *right[:fewer])


def begin_reported(folder: Path) -> Iterator[LabelledCase]:
    """BEGIN dev (Dziri et al. 2022), the texts that were not looked at."""
    yield from (case for case in begin(folder) if isinstance(case, LabelledCase) and int(digest(case.unit), 16) % 2)


CHOOSING: dict[str, Callable[[Path], Iterator[LabelledCase]]] = {"SQuAD, chosen by": squad_chosen}
REPORTING: dict[str, Callable[[Path], Iterator[LabelledCase]]] = {
    "SQuAD, reported on": squad_reported,
    "HaluEval, matched": halueval_matched,
    "BEGIN, half": begin_reported,
    "SummEdits": summedits,  # type: ignore[dict-item]
}


def _squad(folder: Path, side: int) -> Iterator[LabelledCase]:
    """People's answers and their twins, the plausible answers to questions without one, and negatives made by rule."""
    rows = list(_rows(folder, "squad_dev_contexts"))
    titles = sorted({row["title"] for row in rows})[side::2]
    rows = [row for row in rows if row["title"] in titles]
    good = [
        LabelledCase(
            document=row["context"], question=qa["question"], answer=qa["answers"][0], label=1, group=row["title"]
        )
        for row in rows
        for qa in [qa for qa in row["qas"] if not qa["is_impossible"]][:QUESTIONS]
    ]
    for row in rows:
        for qa in [qa for qa in row["qas"] if qa["is_impossible"] and qa["plausible_answers"]][:QUESTIONS]:
            yield LabelledCase(
                document=row["context"],
                question=qa["question"],
                answer=qa["plausible_answers"][0],
                label=0,
                group=row["title"],
                reason="plausible answer",
            )
    yield from contrasts(good)


def _rows(folder: Path, name: str) -> Iterator[dict]:
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as file:
        yield from map(json.loads, file)
