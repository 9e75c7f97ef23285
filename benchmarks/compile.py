"""What compiling brings, by optimizer and number of seeds, on passages of SQuAD and the embedded model.

    python benchmarks/compile.py --data FOLDER --work FOLDER [--optimizers bootstrap,gepa] [--seeds 10,20,40]

Articles are parted: three give labelled seeds, five are held out of everything. Each arm compiles grounded-qa and is
measured once: answers by word F1 and exact match against people's on `--contexts` held-out passages (one question
each), the whole program by metric, acceptance and readable replies on `--compare` passages. FOLDER of `--data` holds
squad_dev_contexts.jsonl. Every call is journalled in the work folder, so an interrupted run goes on. Prints Markdown.
"""

import argparse
import functools
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from metrics.calibration.intervals import share_interval
from optimize.optimizers import OPTIMIZERS
from programs.core.background import run_sync
from programs.core.program import Program
from programs.core.row import Candidate
from programs.core.text import f1, sentences, words
from programs.qa.grounded_qa import QASeed, examples
from seedbed.compiling.compile import Compilation
from seedbed.config.load import Config
from seedbed.progress import Progress
from seedbed.project.project import Project
from seedbed.project.session import Session

SEED_TITLES = 3  # of the eight articles, those that give seeds; the others are held out
LONGEST = 300  # characters of a passage, about 64 tokens, as in a new project


class Articles(Project):
    """All seeds are for compiling, since the documents are of other articles; all documents are held out."""

    @functools.cached_property
    def held_out(self) -> frozenset[str]:
        return frozenset(source.group for source in self.sources)


def main() -> None:
    """Print a row an arm, the uncompiled program first."""
    options = _options()
    cases = list(_passages(options.data))
    titles = sorted({_title(case) for case in cases})
    random.Random(0).shuffle(titles)
    pool = [case for case in cases if _title(case) in titles[:SEED_TITLES]]
    held = _round_robin([case for case in cases if _title(case) in titles[SEED_TITLES:]])[: options.contexts]
    print("| optimizer | seeds | answer F1 | exact match | metric | acceptance | unreadable | calls to compile |")
    print("|---|---|---|---|---|---|---|---|")
    for number, (count, optimizer) in enumerate((k, o) for k in options.seeds for o in options.optimizers):
        base = _write(options.work / f"seeds-{count}", _round_robin(pool)[:count], held)
        _arm(base, optimizer, options, held, first=number == 0)


def _arm(base: Path, optimizer: str, options: argparse.Namespace, held: Sequence[QASeed], *, first: bool) -> None:
    project = Articles(Config.model_validate(_config(optimizer, options)), base)
    with Progress() as progress, Session(project, options.work / "journal.sqlite") as session:
        compilation = Compilation(session, progress)
        manifest = run_sync(compilation.work())
        assert manifest.comparison
        if first:
            _print("uncompiled", 0, project.program(), manifest.comparison.before, 0, held)
        count = len(manifest.seeds["train"])
        _print(optimizer, count, compilation.program, manifest.comparison.after, manifest.calls, held)


def _print(name: str, seeds: int, program: Program, standing: Any, calls: int, held: Sequence[QASeed]) -> None:
    said, groups = run_sync(_answers(program, held)), [case.source for case in held]
    likeness = share_interval([f1(answer, case.answer or "") for answer, case in zip(said, held, strict=True)], groups)
    exact = sum(_plain(answer) == _plain(case.answer or "") for answer, case in zip(said, held, strict=True)) / len(
        held
    )
    print(
        f"| {name} | {seeds} | {likeness} | {exact:.2f} | {standing.metric} | {standing.acceptance} "
        f"| {standing.unreadable:.0%} | {calls} |",
        flush=True,
    )


async def _answers(program: Program, held: Sequence[QASeed]) -> list[str]:
    """What the answering step says to people's questions; empty where the reply is unreadable."""
    asked = examples(held)["answer_question"]
    replies = [await program.ask(Candidate(), "answer_question", **dict(one.inputs())) for one in asked]
    return [reply["answer"] if reply else "" for reply in replies]


def _plain(text: str) -> str:
    """SQuAD's normal form for exact match: lower case, no articles, no punctuation."""
    return " ".join(re.sub(r"\W+", " ", word) for word in words(text) if word not in {"a", "an", "the"})


def _passages(folder: Path) -> Iterator[QASeed]:
    """One question a context, with the sentences around its answer as the passage."""
    for line in (folder / "squad_dev_contexts.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answered = [qa for qa in row["qas"] if not qa["is_impossible"] and qa["answers"]]
        for qa in random.Random(row["id"]).sample(answered, min(1, len(answered))):
            answer = min(qa["answers"], key=len)
            if passage := _around(answer, row["context"]):
                yield QASeed(
                    id=str(qa["id"]),
                    source=row["id"],
                    document=passage,
                    question=qa["question"].strip(),
                    answer=answer,
                )


def _around(answer: str, context: str) -> str:
    """Sentences from the one with the answer on, then those before it, as far as the length goes."""
    pieces = sentences(context)
    at = next((i for i, piece in enumerate(pieces) if answer in piece), None)
    if at is None:
        return ""
    first = last = at
    while last + 1 < len(pieces) and sum(map(len, pieces[first : last + 2])) < LONGEST:
        last += 1
    while first and sum(map(len, pieces[first - 1 : last + 1])) < LONGEST:
        first -= 1
    return " ".join(pieces[first : last + 1])


def _title(case: QASeed) -> str:
    return case.source.partition("#")[0]


def _round_robin(cases: Sequence[QASeed]) -> list[QASeed]:
    """One of each article in turn, so that few seeds come from many."""
    by_title: dict[str, list[QASeed]] = {}
    for case in cases:
        by_title.setdefault(_title(case), []).append(case)
    longest = max(map(len, by_title.values()))
    return [own[i] for i in range(longest) for own in by_title.values() if i < len(own)]


def _write(base: Path, seeds: Sequence[QASeed], held: Sequence[QASeed]) -> Path:
    """A project's files: seeds, and a document for each held-out passage."""
    documents = base / "documents"
    documents.mkdir(parents=True, exist_ok=True)
    (base / "seeds.jsonl").write_text("".join(f"{seed.model_dump_json()}\n" for seed in seeds), encoding="utf-8")
    for case in held:
        (documents / f"{case.source}.txt").write_text(case.document, encoding="utf-8")
    return base


def _config(optimizer: str, options: argparse.Namespace) -> dict[str, Any]:
    return {
        "recipe": "grounded-qa",
        "models": {"small": {"model": "embedded/smollm2-135m", "max_tokens": 96}},
        "roles": {"teacher": "small"},
        "sources": {"documents": "documents", "chunk_tokens": 80},
        "seeds": "seeds.jsonl",
        "gates": {"judges": []},
        "compile": {
            "optimizer": optimizer,
            "budget": options.budget,
            "compare": options.compare,
            "folds": 0,
        },
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True, help="keeps the journal and the projects")
    parser.add_argument("--optimizers", type=lambda text: text.split(","), default=list(OPTIMIZERS))
    parser.add_argument("--seeds", type=lambda text: [int(one) for one in text.split(",")], default=[20])
    parser.add_argument("--contexts", type=int, default=300)
    parser.add_argument("--compare", type=int, default=100)
    parser.add_argument("--budget", default="light")
    return parser.parse_args()


if __name__ == "__main__":
    main()
