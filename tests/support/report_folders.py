"""A run's folder with everything that the report shows, made up by a seeded generator: rows of QA, rejections at every
gate, sources, a map, and a compile whose verdicts, comparison and races are planted."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from support.artefacts import made
from support.planting import Change, planted

from metrics.calibration.calibrate import calibrate
from metrics.calibration.frozen import uncalibrated
from metrics.calibration.verdicts import LabelledCase, verdict_id
from metrics.worth import Worth
from optimize.artefact import Artefact, save
from optimize.comparison import Price, compare
from optimize.scoring import Scored
from optimize.variant import Lap
from programs.core.row import Drop, Source
from programs.judges.judge import JUDGES
from programs.qa.grounded_qa import QA
from seedbed.reports.html.run_folder import RunFolder
from seedbed.runs.record.coverage import write_sources
from seedbed.runs.record.vector_map import COLUMNS as MAP_COLUMNS
from seedbed.runs.rows import candidate_of, rejected, row
from seedbed.storage.row_schema import REJECTED, row_schema

THRESHOLD = 0.6
EARLY = (("ask_question", "no question"), ("veto", "off topic"), ("veto", "not a question"), ("veto", "unsupported"))
"""Gates before the evidence, whose rejected candidates have no probability."""
LATE = (("round trip", "round trip"), ("judge grounded", "judge grounded"), ("duplicate", "near duplicate"))
WORDS = ("river", "gauge", "weir", "crayfish", "survey", "water", "trout", "minnow", "bank", "flood", "otter", "heron")


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a folder shall hold. `gain`: of compiling, in score; `trivial`: the metric says nothing that length does
    not. `hostile`: a text in every document name, reason and row."""

    documents: int = 12
    passages: int = 6
    draws: int = 2
    teachers: Sequence[str] = ("small",)
    untouched: int = 2
    gain: float = 0.25
    compared: int = 12
    trivial: bool = False
    hostile: str = ""
    dollars: float | None = 0.0004
    most: int | None = None
    seed: int = 0


def write_folder(folder: Path, plan: Plan | None = None) -> Path:
    """Write a finished run into a folder."""
    plan = plan or Plan()
    rng = np.random.default_rng(plan.seed)
    accepted, fallen = _candidates(plan, rng)
    _write(folder / "rows" / "train-00000.parquet", accepted, row_schema(QA))
    _write(folder / "rejected" / "rejected-00000.parquet", fallen, REJECTED)
    write_sources(_sources(plan), folder)
    _write_map(folder, plan, accepted, fallen, rng)
    for teacher in plan.teachers:
        save(_artefact(teacher, plan, rng), folder / "made_with" / f"{teacher}.json")
    (folder / "run.json").write_text(json.dumps(_report(plan, accepted, fallen)), encoding="utf-8")
    return folder


def write_verdicts(folder: Path, every: int = 3) -> dict[str, bool]:
    """Write beside a run what people said of every so many rows, good where its number is even: its id -> good."""
    run, verdicts, said = RunFolder(folder), [], {}
    tables = [(run.accepted(), True), (run.rejected(), False)]
    records = [(record, accepted) for table, accepted in tables for record in table.to_pylist()]
    for number, (record, accepted) in enumerate(records[::every]):
        said[record["id"]] = number % 2 == 0
        id = verdict_id(candidate_of(record, accepted=accepted))
        verdicts.append(LabelledCase(id=id, answer="-", label=float(said[record["id"]])).model_dump_json())
    (folder.parent / "verdicts.jsonl").write_text("\n".join([*dict.fromkeys(verdicts), ""]), encoding="utf-8")
    return said


def _sources(plan: Plan) -> list[Source]:
    return [
        Source(
            id=f"s{document}-{passage}",
            group=f"docs/{plan.hostile}{document}.md",
            inputs={"document": "x" * 400},
            origin={
                "document": f"docs/{plan.hostile}{document}.md",
                "start": 500 * passage,
                "end": 500 * passage + 400,
            },
        )
        for document in range(plan.documents)
        for passage in range(plan.passages)
    ]


def _candidates(plan: Plan, rng: np.random.Generator) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    sources = _sources(plan)[: plan.passages * (plan.documents - plan.untouched)]
    attempts = [(draw, source) for draw in range(plan.draws) for source in sources][: plan.most]
    accepted, fallen = list[dict[str, Any]](), list[dict[str, Any]]()
    for position, (draw, source) in enumerate(attempts):
        for teacher in plan.teachers:
            worth = _worth(plan, draw, rng)
            scored = Scored(source, _qa(plan, position, rng), worth)
            shared = _shared(teacher, position, plan)
            shared |= {"draw": draw}
            scored = dataclasses.replace(scored, source=source.model_copy(update={"draw": draw}))
            if worth.drop is None:
                accepted.append(row(scored, shared, {}))
                break
            fallen.append(rejected(f"{teacher}{position}", scored, shared, {}))
    return accepted, fallen


def _worth(plan: Plan, draw: int, rng: np.random.Generator) -> Worth:
    """Later draws die more often: a run that dries up."""
    fate, probability = rng.random() + 0.15 * draw, float(rng.beta(4, 2))
    drop: Drop | None = None
    parts = {"relevance": float(rng.beta(5, 2)), "words": float(rng.beta(4, 1)), "grounded": probability}
    if fate > 0.7:
        step, reason = EARLY[int(rng.integers(len(EARLY)))]
        return Worth(score=0.0, drop=Drop(step=step, reason=f"{reason}{plan.hostile}"))
    if fate > 0.55:
        step, reason = LATE[int(rng.integers(len(LATE)))]
        drop = Drop(step=step, reason=reason)
    elif probability < THRESHOLD:
        drop = Drop(step="threshold", reason="low score")
    return Worth(score=0.0 if drop else probability, probability=probability, parts=parts, drop=drop)


def _qa(plan: Plan, number: int, rng: np.random.Generator) -> QA:
    words = rng.choice(WORDS, size=int(rng.integers(4, 14))).tolist()
    start = ("What is", "How does", "Why did")[number % 3]
    answer = " ".join(rng.choice(WORDS, size=int(rng.integers(1, 20))).tolist())
    return QA(passage="x" * 40, question=f"{start} {' '.join(words)} {number}?{plan.hostile}", answer=answer)


def _shared(teacher: str, position: int, plan: Plan) -> dict[str, Any]:
    return {
        "recipe": "grounded-qa",
        "teacher": teacher,
        "judges": ["grounded"],
        "program": "p",
        "seeds": ["s-1"],
        "attempt": f"a{position}",
        "index": 0,
        "position": position,
        "input_tokens": 300,
        "output_tokens": 40,
        "dollars": plan.dollars,
        "stood_in": [],
    }


def _write(path: Path, records: Sequence[dict[str, Any]], schema: pa.Schema) -> None:
    if records:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(list(records), schema), path)


def _write_map(folder: Path, plan: Plan, accepted: Any, fallen: Any, rng: np.random.Generator) -> None:
    """Texts in five clusters; rejected ones lie in two of them."""
    centres = rng.normal(size=(5, 16))
    lines = [(row["id"], "accepted", row["question"], int(rng.integers(5))) for row in accepted[:1000]]
    lines += [
        (row["id"], "rejected", json.loads(row["candidate"])["question"], int(rng.integers(2))) for row in fallen[:600]
    ]
    lines += [(f"seed{number}", "seed", f"What is seed {number}?", number % 5) for number in range(12)]
    vectors = [centres[cluster] + 0.4 * rng.normal(size=16) for *_, cluster in lines]
    records = [
        {"id": id, "state": state, "group": "g", "text": text, "vector": (vector / np.linalg.norm(vector)).tolist()}
        for (id, state, text, _), vector in zip(lines, vectors, strict=True)
    ]
    _write(folder / "map.parquet", records, MAP_COLUMNS)


def _artefact(teacher: str, plan: Plan, rng: np.random.Generator) -> Artefact:
    change: Change = _by_length if plan.trivial else _unchanged
    observations = [
        dataclasses.replace(observation, id=f"v{number}")
        for number, observation in enumerate(planted(plan.seed, 0.8, 120, 20, change=change))
    ]
    calibrated = calibrate(observations, ["judge"])
    sources = _sources(dataclasses.replace(plan, documents=plan.compared))
    before = [_compared(source, 0.45, rng) for source in sources]
    after = [_compared(source, 0.45 + plan.gain, rng) for source in sources]
    artefact = made(
        "a",
        teacher=teacher,
        calibration=calibrated.figures,
        comparison=compare("uncompiled", before, "compiled", after, _free),
        races=list(_laps(rng)),
    )
    frozen = uncalibrated([JUDGES["grounded"]()], "").model_copy(
        update={"fitted": calibrated.fitted, "figures": calibrated.figures, "aspects": {"relevant": calibrated.figures}}
    )
    return dataclasses.replace(artefact, frozen=frozen, predictions=calibrated.predictions)


def _unchanged(row: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    return row


def _by_length(row: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    """People like short rows, and all that the metric reads is how short they are."""
    length = 100 * row["label"] + 60 * rng.normal()
    return row | {"length": length, "parts": {"judge": float(1 / (1 + np.exp(-(length - 50) / 50)))}}


def _compared(source: Source, mean: float, rng: np.random.Generator) -> Scored:
    score = float(np.clip(rng.normal(mean, 0.12), 0, 1))
    drop = None if score >= 0.5 else Drop(step="threshold", reason="low score")
    return Scored(source, QA(), Worth(score=score, drop=drop), spent=_NOTHING)


@dataclasses.dataclass(frozen=True)
class _Spent:
    tallies: dict[str, Any] = dataclasses.field(default_factory=dict)

    def tokens(self) -> tuple[int, int]:
        return 0, 0


_NOTHING = _Spent()
_free: Price = lambda spent: 0.0  # noqa: E731


def _laps(rng: np.random.Generator) -> Iterator[Lap]:
    for step in ("ask_question", "answer_question"):
        alive, replies = [f"variant {number}" for number in range(8)], 0
        lengths = {variant: int(rng.integers(300, 3000)) for variant in alive}
        for stage, n in enumerate((4, 8, 16), start=1):
            scores = {variant: float(np.clip(rng.normal(0.6, 0.15), 0, 1)) for variant in alive}
            survivors = sorted(alive, key=lambda name: -scores[name])[: len(alive) // 2 or 1]
            for variant in alive:
                replies += n
                yield Lap(
                    step=step,
                    stage=stage,
                    variant=variant,
                    score=scores[variant],
                    n=n,
                    length=lengths[variant],
                    kept=variant in survivors,
                    replies=replies,
                )
            alive = survivors


def _report(plan: Plan, accepted: Sequence[Any], fallen: Sequence[Any]) -> dict[str, Any]:
    """run.json, as far as figures read it."""
    teachers = {
        teacher: {
            "sources": sum(row["lineage"]["teacher"] == teacher for row in (*accepted, *fallen)),
            "accepted": sum(row["lineage"]["teacher"] == teacher for row in accepted),
            "dollars": plan.dollars,
        }
        for teacher in plan.teachers
    }
    aliases = [*plan.teachers, "judge"]
    candidates = len(accepted) + len(fallen)
    tally = {"calls": 3 * candidates, "replayed": 0, "input_tokens": 300 * candidates, "output_tokens": 40 * candidates}
    dollars = None if plan.dollars is None else plan.dollars * candidates / 2
    return {
        "recipe": "grounded-qa",
        "options": {},
        "rows": len(accepted),
        "stopped": "the sources are used up",
        "threshold": THRESHOLD,
        "counts": {"accepted": len(accepted), "candidates": candidates, "documents": plan.documents},
        "teachers": teachers,
        "models": {alias: tally | {"dollars": dollars} for alias in aliases},
        "ledger": {alias: {"calls": 9, "usd": dollars, "unanswered": 2, "unanswered_usd": 0.003} for alias in aliases},
        "variety": {
            "rows": len(accepted),
            "sampled": min(len(accepted), 1000),
            "distinct_1": 0.41,
            "distinct_2": 0.78,
            "distinct_3": 0.93,
            "self_rouge_l": 0.37,
            "vendi": 31.4,
            "kinds": {"what": 0.5, "how": 0.3, "why": 0.2},
            "prompt_words": {"low": 6, "median": 10, "high": 15},
            "response_words": {"low": 2, "median": 10, "high": 18},
        },
        "config": {
            "run": {"shards": None},
            "roles": {"teacher": list(plan.teachers), "judge": "judge"},
            "models": {alias: {"model": f"vendor/{alias}"} for alias in aliases},
        },
    }
