"""What models of the shelf say of the shipped verdicts: makes data/readings/MODEL.jsonl, or checks it.

    python benchmarks/readings.py --work DIR                 # ask what a first compile and calibration would, keep it
    python benchmarks/readings.py --work DIR --check 5       # ask five of these calls again, each model

DIR keeps the project that `seedbed init` makes, and its journal: the same command into it goes on where it was. Only
the calls that ship with no file, or whose prompt has changed since, are made.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path

from dspy import lm15

from programs.core.background import run_sync
from seedbed.compiling.metric import calibrator
from seedbed.config.load import FILE, load_config
from seedbed.config.models import ModelEntry
from seedbed.config.sections import Roles
from seedbed.dspy_internals import request_from_dict, response_from_dict
from seedbed.models.call_context import Scope
from seedbed.models.engines.embedded import EmbeddedEngine
from seedbed.progress import Progress
from seedbed.project.project import Project
from seedbed.project.session import Session
from seedbed.project.template import write_project
from seedbed.storage.shipped import SHELF, reading_line, readings_file

TEACHER = "qwen2.5-coder-0.5b"  # that `seedbed init` names
MODELS = (TEACHER, "qwen2.5-coder-1.5b")
NEAR = 0.1  # by which a token's log-probability may differ on another machine


def main() -> None:
    """Write the files, or check them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=MODELS, help="names of the shelf")
    parser.add_argument("--work", type=Path, required=True, help="a folder of its own")
    parser.add_argument("--check", type=int, default=0, metavar="N", help="write nothing; ask N calls again")
    options = parser.parse_args()
    if not options.work.is_dir():
        write_project(options.work, "grounded-qa")
    for model in options.models:
        with Session(project(options.work, model), options.work / ".seedbed" / "journal.sqlite") as session:
            keys = asked(session)
            if options.check:
                check(session, model, random.Random(model).sample(keys, min(options.check, len(keys))))
            else:
                write(session, model, keys)


def project(folder: Path, judge: str) -> Project:
    """The project of `seedbed init` with this judge."""
    config = load_config(folder / FILE)
    models = {name: ModelEntry(model=SHELF + name, max_tokens=96) for name in {TEACHER, judge}}
    roles = Roles(teacher=TEACHER, judge=judge, reflection=TEACHER)
    return Project(config.model_copy(update={"models": models, "roles": roles}), folder)


def asked(session: Session) -> list[str]:
    """The keys of all calls to the judge's model that calibrating takes: as a compile does it, and as `calibrate`."""
    keys = list[str]()
    for checks in (session.project.config.compile.judge_checks, None):
        with Scope("readings").open() as scope:
            run_sync(calibrator(session, Progress(), checks=checks).frozen(session.project.cases))
        keys += scope.keys
    return sorted(set(keys))


def write(session: Session, model: str, keys: Sequence[str]) -> None:
    """The model's file, a line a call."""
    kept = [(key, session.journal.get(key)) for key in keys]
    lines = [reading_line(key, *timed) for key, timed in kept if timed]
    readings_file(model).parent.mkdir(exist_ok=True)
    readings_file(model).write_bytes(b"\n".join(lines) + b"\n")
    print(f"{readings_file(model).name}: {len(lines)} calls")


def check(session: Session, model: str, keys: Sequence[str]) -> None:
    """Ask again, and compare each token's log-probability. Ends the program where one is farther off than NEAR."""
    engine = EmbeddedEngine(ModelEntry(model=SHELF + model), Path())
    off = 0.0
    for request, kept in session.journal.made(keys):
        ours = run_sync(engine.complete(request_from_dict(request)))
        off = max(off, difference(ours, response_from_dict(kept)))
    print(f"{model}: {len(keys)} calls asked again, log-probabilities within {off:.4f}")
    if off > NEAR:
        sys.exit(f"{readings_file(model)} is not what {model} says here: run this without --check.")


def difference(one: lm15.Response, other: lm15.Response) -> float:
    """The most by which two readings of one call differ in a token's log-probability."""
    pairs = zip(one.logprobs or (), other.logprobs or (), strict=True)
    return max(abs(ours.logprob - theirs.logprob) for ours, theirs in pairs)


if __name__ == "__main__":
    main()
