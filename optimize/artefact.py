"""A compiled program on disk: both programs as DSPy state JSON, the frozen metric, and a manifest of these files."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from metrics.calibration.calibrate import Calibration
from metrics.calibration.frozen import Frozen
from metrics.calibration.predictions import Prediction, predictions_path, read_predictions, save_predictions
from optimize.comparison import Comparison, Pair
from optimize.label_agreement import Agreement
from optimize.shipping import Which
from optimize.variant import Lap
from programs.core.options import Options
from programs.core.program import Program
from programs.core.recipe import Recipe
from programs.core.row import digest


class Manifest(BaseModel):
    """The description of a compiled program.

    Attributes:
        identity: the model behind the teacher; of an address, only the host and a digest. settings: of the compile.
        options: of the recipe. seeds: ids; `train` seeds may be in prompts, `held_out` seeds never are. open_groups:
        groups (documents) whose labels may be in a prompt, also in a judge's. steps: the choice for each step. races:
        every variant that was scored, in the order of the search. folds, procedure: how good compiling is on unseen
        seeds, by k-fold; the program itself has then seen all seeds. agreement: of labelled steps with people's labels
        on held-out seeds; only where the comparison is no proof. comparison: both programs on held-out sources.
        metric, calibration: the frozen metric's hash and figures. ships, why: the program in use, and the reason.
        state: the hash of the compiled program's state. files: sha256 by file name.
    """

    model_config = ConfigDict(extra="forbid")
    recipe: str
    teacher: str
    identity: str
    signatures: str
    optimizer: str
    optimizers: dict[str, str]
    settings: dict[str, Any]
    options: dict[str, Any] = Field(default_factory=dict)
    seeds: dict[str, list[str]]
    seeds_digest: str
    open_groups: list[str]
    metric: str
    calibration: Calibration | None = None
    steps: dict[str, str]
    races: list[Lap] = Field(default_factory=list)
    folds: int = 0
    procedure: list[Agreement] = Field(default_factory=list)
    agreement: list[Agreement] = Field(default_factory=list)
    comparison: Comparison | None = None
    ships: Which
    why: str
    calls: int
    input_tokens: int
    output_tokens: int
    versions: dict[str, str]
    embedded: dict[str, dict[str, Any]] = {}
    state: str
    files: dict[str, str] = Field(default_factory=dict)

    @property
    def pairs(self) -> list[Pair]:
        """Both programs on each held-out source."""
        return self.comparison.pairs if self.comparison else []

    @property
    def acceptance(self) -> float | None:
        """The accepted share of candidates of the program that ships, in [0, 1]; None where nothing was held out."""
        if not self.comparison:
            return None
        return (self.comparison.after if self.ships == "compiled" else self.comparison.before).acceptance.mean

    @field_validator("identity")
    @classmethod
    def _keeps_no_address(cls, value: str) -> str:
        return without_address(value)


@dataclasses.dataclass(frozen=True)
class Artefact:
    """The result of compiling: both programs, the metric that was frozen before, the manifest, and what the metric
    predicted of each verdict that it was fitted to."""

    compiled: Program
    uncompiled: Program
    frozen: Frozen
    manifest: Manifest
    predictions: Sequence[Prediction] = ()

    @property
    def shipped(self) -> Program:
        """The program that a run uses."""
        return self.compiled if self.manifest.ships == "compiled" else self.uncompiled


class Mismatch(ValueError):
    """A compiled program that was made for something else, or that was changed after it was written."""


def without_address(identity: str) -> str:
    """An engine's identity in which a digest replaces the address except its host, because the rest may contain a key.
    An identity without an address, or with a host only, does not change."""
    address, _, rest = identity.partition("|")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not (parts.path or parts.query):
        return identity
    return f"{parts.scheme}://{parts.netloc}|{rest}|{digest(identity)}"


def signatures_hash(program: Program) -> str:
    """The hash of the prompts of an uncompiled program's steps: new words or fields make old artefacts unusable."""
    prompts = {
        name: [step.asked.instructions, {key: str(field) for key, field in step.asked.fields.items()}]
        for name, step in program.named_predictors()
    }
    return _digest(prompts)


def state_hash(program: Program) -> str:
    """The hash of a program's state, which a manifest, a run and its card contain."""
    return _digest(program.dump_state())


def save(artefact: Artefact, path: Path) -> Manifest:
    """Write `path` (state JSON that `dspy.Module.load` reads) and the other files next to it; return the manifest.

    All files are first written to a folder aside. The new set is valid from the moment its manifest is renamed into
    place, so a crash at any moment leaves either the old set or the new one. The same state gives the same bytes.
    """
    _settle(path)
    aside = _aside(path)
    aside.mkdir(parents=True, exist_ok=True)
    save_state(artefact.compiled, aside / path.name)
    save_state(artefact.uncompiled, aside / uncompiled_path(path).name)
    artefact.frozen.save(aside / metric_path(path).name)
    save_predictions(artefact.predictions, aside / predictions_path(path).name)
    files = {name: _sha256((aside / name).read_bytes()) for name in _names(path)}
    manifest = artefact.manifest.model_copy(update={"files": files})
    manifest_file = aside / manifest_path(path).name
    manifest_file.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    _sync([manifest_file, *(aside / name for name in files)])
    manifest_file.replace(manifest_path(path))
    _settle(path)
    return manifest


def load(
    recipe: Recipe,
    path: Path,
    *,
    options: Options | None = None,
    teacher: str | None = None,
    identity: str | None = None,
) -> Artefact:
    """Read an artefact. Raises FileNotFoundError where there is none.

    Raises Mismatch where it was made for something else, and says for what, or was changed since. `options`
    None are the recipe's defaults. `teacher` None allows any teacher, and `identity` None any model behind the teacher:
    to look at the artefact, not to run it.
    """
    manifest = _manifest(path)
    uncompiled, compiled = recipe.program(options), recipe.program(options)
    for subject, made_for, current in (
        ("recipe", manifest.recipe, recipe.name),
        ("teacher", manifest.teacher, teacher or manifest.teacher),
        ("model behind the teacher", manifest.identity, without_address(identity or manifest.identity)),
        ("version of the signatures", manifest.signatures, signatures_hash(uncompiled)),
    ):
        if made_for != current:
            raise Mismatch(f"{path} was compiled for the {subject} {made_for}, and this is {current}")
    files = {name: _part(path, name, manifest) for name in _names(path)}
    compiled.load_state(json.loads(files[path.name]))
    uncompiled.load_state(json.loads(files[uncompiled_path(path).name]))
    frozen, predictions = _frozen(files[metric_path(path).name], path), files[predictions_path(path).name]
    return Artefact(compiled, uncompiled, frozen, manifest, read_predictions(predictions.decode()))


def uncompiled_path(path: Path) -> Path:
    """The path of the uncompiled program, which the compiled one was compared with."""
    return path.with_suffix(".uncompiled.json")


def metric_path(path: Path) -> Path:
    """The path of the metric that the search used, with its judges."""
    return path.with_suffix(".metric.json")


def manifest_path(path: Path) -> Path:
    """The path of a compiled program's manifest."""
    return path.with_suffix(".manifest.json")


def _names(path: Path) -> list[str]:
    return [path.name, *(beside(path).name for beside in (uncompiled_path, metric_path, predictions_path))]


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.stem}.part")


def _manifest(path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(manifest_path(path).read_bytes())
    except ValidationError as error:
        raise Mismatch(f"{manifest_path(path)} is not one that this version of Seedbed writes") from error


def _part(path: Path, name: str, manifest: Manifest) -> bytes:
    """The content of a file by the manifest's hash: in place, or still aside where a crash came between the renames."""
    contents = [file.read_bytes() for file in (_aside(path) / name, path.with_name(name)) if file.is_file()]
    for content in contents:
        if _sha256(content) == manifest.files.get(name):
            return content
    fault = "was changed after it was compiled (its manifest names another hash)" if contents else "is missing"
    raise Mismatch(f"{path.with_name(name)} {fault}")


def _frozen(content: bytes, path: Path) -> Frozen:
    try:
        return Frozen.model_validate_json(content)
    except ValidationError as error:
        raise Mismatch(f"{metric_path(path)} is not one that this version of Seedbed writes") from error


def _settle(path: Path) -> None:
    """Move the files aside that match the manifest in place to their places, and delete the others."""
    aside = _aside(path)
    if not aside.is_dir():
        return
    try:
        hashes = _manifest(path).files
    except (FileNotFoundError, Mismatch):
        hashes = {}
    for file in aside.iterdir():
        if _sha256(file.read_bytes()) == hashes.get(file.name):
            file.replace(path.with_name(file.name))
        else:
            file.unlink()
    aside.rmdir()


def save_state(program: Program, file: Path) -> None:
    """Write a program as state JSON that `dspy.Module.load` reads. Raises OSError."""
    try:
        program.save(file)
    except RuntimeError as error:  # DSPy wraps the error of the disk
        raise error.__context__ or error from None


def _sync(files: Sequence[Path]) -> None:
    for file in files:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()[:16]
