"""What the metric and the judge are worth in other languages, on hand-written pairs (benchmarks/languages/*.txt).

    python benchmarks/languages.py pairs [--languages de,zh] [--embedder NAME] [--config seedbed.yaml --judge ALIAS]
    python benchmarks/languages.py project FOLDER LANGUAGE       # documents and seeds of a language, as a project

`pairs` prints Markdown. Of the 20 right and 20 wrong pairs of each language: those that the shipped metric accepts
(vetoes, then its threshold; no judge), with the seeds' manner; AUROC of its probability, and of each part of it with
`--parts`; with a judge, p(yes) of `correct`, and those it gives one half or more. 95% intervals are by passage.
`project` writes what `seedbed init` does, with the documents and the seeds of a language in place of the English ones.
"""

import argparse
import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from spoken import ALL, Pair, pairs, write_documents

from metrics.calibration.agreement import auroc
from metrics.calibration.intervals import bootstrap
from metrics.checks.manner import Manner
from metrics.metric import Bars, Metric
from metrics.worth import Worth
from programs.core.background import run_sync, together
from programs.judges.judge import JUDGES, Judge
from programs.qa.grounded_qa import QA, RECIPE
from seedbed.compiling.verdicts import judging
from seedbed.config.load import load_config
from seedbed.models.embedder import MODEL, Embedder
from seedbed.project.project import Project
from seedbed.project.template import write_project


def main() -> None:
    """Measure, or write a project."""
    options = _options()
    if options.what == "project":
        write_spoken(options.folder, options.language)
    elif options.judge:
        project = Project(load_config(options.config), options.config.parent.resolve())
        with judging(project, options.judge):
            _print_judged(options.languages.split(","))
    else:
        _print_scored(options.languages.split(","), options.embedder, parts=options.parts)


def write_spoken(folder: Path, language: str) -> None:
    """A project on a language's documents and seeds, without verdicts."""
    write_project(folder, RECIPE.name)
    shutil.rmtree(folder / "documents")
    (folder / "verdicts.jsonl").unlink()
    write_documents(language, folder)
    config = folder / "seedbed.yaml"
    lines = config.read_text(encoding="utf-8").splitlines(keepends=True)
    config.write_text("".join(line for line in lines if not line.startswith("verdicts:")), encoding="utf-8")


def _print_scored(languages: Sequence[str], embedder: str, *, parts: bool) -> None:
    print("| language | right accepted | wrong accepted | AUROC of the metric | wrong ones accepted | passages found |")
    print(f"|{'---|' * 6}")
    worths = {}
    for language in languages:
        rows = [pair for pair in pairs(language) if pair.kind != "seed"]
        metric = _metric(language, embedder)
        worths[language] = [asyncio.run(_worth(metric, pair)) for pair in rows]
        scores = [worth.score for worth in worths[language]]
        accepted = [score >= metric.fitted.threshold for score in scores]
        print(f"| {ALL[language]} | {_line(rows, scores, accepted)} {_found(language, embedder)} |", flush=True)
    if parts:
        _print_parts(worths)


def _found(language: str, embedder: str) -> str:
    """Of the questions with a right answer, for how many their own passage of all ten is nearest."""
    asked = [pair for pair in pairs(language) if pair.kind in ("right", "seed")]
    passages, embed = list(dict.fromkeys(pair.passage for pair in asked)), Embedder(embedder)
    nearest = (embed([pair.question for pair in asked]) @ embed(passages).T).argmax(axis=1)
    own = sum(passages[place] == pair.passage for place, pair in zip(nearest, asked, strict=True))
    return f"{own} of {len(asked)}"


def _print_parts(worths: dict[str, list[Worth]]) -> None:
    names = sorted({name for language in worths.values() for worth in language for name in worth.parts})
    print(f"\n| AUROC of | {' | '.join(map(ALL.get, worths))} |\n|---|{'---|' * len(worths)}")
    for name in names:
        told = []
        for language, found in worths.items():
            rows = [pair for pair in pairs(language) if pair.kind != "seed"]
            there = [(pair, worth.parts[name]) for pair, worth in zip(rows, found, strict=True) if name in worth.parts]
            told.append(_area([pair for pair, _ in there], [score for _, score in there]) if there else "-")
        print(f"| {name} | {' | '.join(told)} |")


def _metric(language: str, embedder: str) -> Metric:
    seeds = [pair for pair in pairs(language) if pair.kind == "seed"]
    manner = Manner.of([seed.question for seed in seeds], [seed.answer for seed in seeds])
    return Metric(RECIPE, Embedder(embedder), Bars(), manner=manner)


async def _worth(metric: Metric, pair: Pair) -> Worth:
    """Its parts also where a veto makes its score 0."""
    row = QA(passage=pair.passage, question=pair.question, answer=pair.answer)
    drop = await metric.veto(row)
    bare = Metric(
        RECIPE,
        metric.embed,
        Bars(relevance=-1, support=0),
        manner=Manner(english=metric.manner.english, closes="", shortest=1),
    )
    found = await bare.worth(row)
    return found.model_copy(update={"score": 0.0, "drop": drop}) if drop else found


def _print_judged(languages: Sequence[str]) -> None:
    judge = JUDGES["correct"]()
    judge.judge.format = "plain"
    print(
        "| language | right at p(yes) >= 0.5 | wrong | AUROC of `correct` | wrong ones at >= 0.5 |",
        f"|{'---|' * 5}",
        sep="\n",
    )
    for language in languages:
        rows = [pair for pair in pairs(language) if pair.kind != "seed"]
        scores = run_sync(_judged(judge, rows))
        print(f"| {ALL[language]} | {_line(rows, scores, [score >= 0.5 for score in scores])}", flush=True)


async def _judged(judge: Judge, rows: Sequence[Pair]) -> list[float]:
    verdicts = await together(
        judge.acall(QA(passage=pair.passage, question=pair.question, answer=pair.answer)) for pair in rows
    )
    return [0.5 if verdict.score is None else verdict.score for verdict in verdicts]


def _line(rows: Sequence[Pair], scores: Sequence[float], accepted: Sequence[bool]) -> str:
    right = [pair.kind == "right" for pair in rows]
    let_in = [pair.kind for pair, kept in zip(rows, accepted, strict=True) if kept and pair.kind != "right"]
    kinds = ", ".join(f"{let_in.count(kind)} {kind}" for kind in sorted(set(let_in)))
    both = [sum(kept for kept, good in zip(accepted, right, strict=True) if good is side) for side in (True, False)]
    return f"{both[0]} of {sum(right)} | {both[1]} of {len(rows) - sum(right)} | {_area(rows, scores)} | {kinds} |"


def _area(rows: Sequence[Pair], scores: Sequence[float]) -> str:
    right = np.array([pair.kind == "right" for pair in rows])
    if right.all() or not right.any():
        return "-"
    area = bootstrap(auroc(np.array(scores, dtype=float), right), [pair.passage for pair in rows], right)
    return f"{area.mean:.2f} [{area.low:.2f}, {area.high:.2f}]"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    measure = commands.add_parser("pairs")
    measure.add_argument("--languages", default=",".join(ALL), help="some of them, as de,zh")
    measure.add_argument("--embedder", default=MODEL)
    measure.add_argument("--parts", action="store_true", help="AUROC of each part as well")
    measure.add_argument("--config", type=Path, default=Path("seedbed.yaml"), help="a project, for --judge")
    measure.add_argument("--judge", help="an alias of the project: ask its judge `correct` instead")
    project = commands.add_parser("project")
    project.add_argument("folder", type=Path)
    project.add_argument("language", choices=ALL)
    return parser.parse_args()


if __name__ == "__main__":
    main()
