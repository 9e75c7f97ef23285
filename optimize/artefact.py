"""A compiled program on disk: DSPy's state JSON, and a manifest that says what it was made for and from."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from metrics.agreement import Check
from optimize.comparison import Comparison
from programs.judging import JUDGES, Judge
from programs.program import Program
from programs.recipe import Recipe


class Manifest(BaseModel):
    """What a compiled program is. Seeds are named by id: `train` may stand in prompts, `held_out` never do."""

    model_config = ConfigDict(extra="forbid")
    recipe: str
    teacher: str
    identity: str
    signatures: str
    optimizer: str
    settings: dict[str, Any]
    seeds: dict[str, list[str]]
    seeds_digest: str
    metric: str
    judges: list[Check]
    evidence: Check | None = None
    steps: dict[str, str]
    comparison: Comparison | None = None
    calls: int
    input_tokens: int
    output_tokens: int
    versions: dict[str, str]
    state: str


class Mismatch(ValueError):
    """A compiled program that was made for something else."""


def signatures_hash(program: Program) -> str:
    """What the steps of an uncompiled program ask: a new wording or field makes old artefacts unfit."""
    asked = {
        name: [step.asked.instructions, {key: str(field) for key, field in step.asked.fields.items()}]
        for name, step in program.named_predictors()
    }
    return _digest(asked)


def state_hash(program: Program) -> str:
    """The hash of a program's state: what a manifest, a run and its card carry."""
    return _digest(program.dump_state())


def save(program: Program, judges: Sequence[Judge], manifest: Manifest, path: Path) -> None:
    """Write PATH (state JSON that `dspy.Module.load` reads), the frozen judges and the manifest beside it.

    The same bytes every time for the same state.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    program.save(path)
    states = {judge.aspect: judge.dump_state() for judge in judges}
    judges_path(path).write_text(json.dumps(states, indent=1, default=dict) + "\n", encoding="utf-8")
    manifest_path(path).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")


def load(recipe: Recipe, path: Path, *, teacher: str, identity: str) -> tuple[Program, Manifest]:
    """Read a compiled program back. Raises Mismatch saying what it was made for where that is not this."""
    manifest = Manifest.model_validate_json(manifest_path(path).read_text(encoding="utf-8"))
    program = recipe.program()
    for what, made_for, now in (
        ("recipe", manifest.recipe, recipe.name),
        ("teacher", manifest.teacher, teacher),
        ("model behind the teacher", manifest.identity, identity),
        ("version of the signatures", manifest.signatures, signatures_hash(program)),
    ):
        if made_for != now:
            raise Mismatch(f"{path} was compiled for the {what} {made_for}, and this is {now}")
    program.load(path)
    if state_hash(program) != manifest.state:
        raise Mismatch(f"{path} was changed after it was compiled (its manifest names another state)")
    return program, manifest


def load_judges(path: Path) -> list[Judge]:
    """The judges that were frozen with a compiled program: those the labels did not show to be of no use."""
    states = json.loads(judges_path(path).read_text(encoding="utf-8"))
    judges = {aspect: JUDGES[aspect]() for aspect in states}
    for aspect, judge in judges.items():
        judge.load_state(states[aspect])
    return list(judges.values())


def judges_path(path: Path) -> Path:
    """Where the judges of a compiled program stand."""
    return path.with_suffix(".judges.json")


def manifest_path(path: Path) -> Path:
    """Where the manifest of a compiled program stands."""
    return path.with_suffix(".manifest.json")


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()[:16]
