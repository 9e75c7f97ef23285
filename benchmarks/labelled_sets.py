"""Public labelled sets as cases, read from a folder that holds them as JSON Lines (see `--data`)."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from metrics.calibration.verdicts import LabelledCase, Preference, verdict_line

Case = LabelledCase | Preference
QUESTIONS = 4  # of a SQuAD context


def begin(folder: Path) -> Iterator[Case]:
    """BEGIN dev (Dziri et al. 2022): replies to knowledge, by people; fully attributable or not."""
    for row in _rows(folder, "begin_groundedness_dev"):
        label = row["label"] == "Fully attributable"
        yield LabelledCase(document=row["knowledge"], answer=row["response"], label=label, aspect="grounded")


def summedits(folder: Path) -> Iterator[Case]:
    """SummEdits dev (Laban et al. 2023): summaries with small edits, checked by people."""
    for row in _rows(folder, "summedits_dev"):
        yield LabelledCase(document=row["doc"], answer=row["summary"], label=row["consistent"], aspect="grounded")


def halueval(folder: Path) -> Iterator[Case]:
    """HaluEval QA (Li et al. 2023): short right answers, and wrong ones written by a model. Length nearly solves it."""
    for row in _rows(folder, "halueval_qa"):
        for key, label in (("right_answer", 1), ("hallucinated_answer", 0)):
            yield LabelledCase(
                document=row["knowledge"], question=row["question"], answer=row[key], label=label, aspect="grounded"
            )


def pubmedqa(folder: Path) -> Iterator[Case]:
    """PubMedQA (Jin et al. 2019): yes or no from an abstract; the other answer is the wrong one."""
    for row in _rows(folder, "pubmedqa"):
        for answer in ("yes", "no") if row["final_decision"] in ("yes", "no") else ():
            yield LabelledCase(
                document=" ".join(row["contexts"]),
                question=row["question"],
                answer=f"{answer.capitalize()}.",
                label=answer == row["final_decision"],
            )


def squad(folder: Path) -> Iterator[Case]:
    """SQuAD 2.0 dev (Rajpurkar et al. 2018): is the question answered by the passage? Four questions a passage."""
    for row in _rows(folder, "squad_dev_contexts"):
        for qa in random.Random(row["id"]).sample(row["qas"], min(QUESTIONS, len(row["qas"]))):
            yield LabelledCase(
                document=row["context"],
                question=qa["question"],
                answer="",
                label=not qa["is_impossible"],
                aspect="answerable",
                group=row["title"],
            )


def paws(folder: Path) -> Iterator[Case]:
    """PAWS dev (Zhang et al. 2019): sentences of the same words; do they say the same?"""
    for row in _rows(folder, "paraphrase_pairs_dev"):
        yield LabelledCase(document=row["text1"], answer=row["text2"], label=row["duplicate"], aspect="grounded")


def faireval(folder: Path) -> Iterator[Case]:
    """FairEval (Wang et al. 2023): which of two replies people prefer."""
    for row in _rows(folder, "preference_dev_faireval"):
        yield Preference(prompt=row["input"], a=row["output_1"], b=row["output_2"], label=row["label"])


def own(folder: Path) -> Iterator[Case]:
    """The verdicts that ship with Seedbed, on its own documents."""
    path = Path(__file__).parent.parent / "data" / "qa" / "grounded_qa" / "pairs.jsonl"
    yield from map(verdict_line, path.read_bytes().splitlines())


SETS: dict[str, Callable[[Path], Iterator[Case]]] = {
    "BEGIN": begin,
    "SummEdits": summedits,
    "HaluEval": halueval,
    "PubMedQA": pubmedqa,
    "SQuAD answerable": squad,
    "PAWS": paws,
    "FairEval": faireval,
    "ours": own,
}


def _rows(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    with (folder / f"{name}.jsonl").open(encoding="utf-8") as file:
        yield from map(json.loads, file)
