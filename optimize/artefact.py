"""A compiled program on disk: both programs as DSPy state JSON, the frozen metric, and a manifest that names them."""

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
from optimize.comparison import Comparison
from optimize.labels import Agreement
from optimize.shipping import Which
from programs.core.candidate import digest
from programs.core.program import Program
from programs.core.recipe import Recipe


class Manifest(BaseModel):
    """What a compiled program is.

    Attributes:
        identity: what stands behind the teacher, of an address its host and a digest. seeds: by id: `train` may stand
        in prompts, `held_out` never do. open_groups: those (documents) of which a label may stand in a prompt, a
        judge's included. folds, procedure: what compiling brings on seeds it has not seen, by k-fold; then the program
        itself has seen all seeds. comparison: both programs on held-out sources. metric, calibration: the frozen
        metric's hash and figures. ships, why: which of the two is used. state: hash of the compiled one's state. files:
        sha256 by file name.
    """

    model_config = ConfigDict(extra="forbid")
    recipe: str
    teacher: str
    identity: str
    signatures: str
    optimizer: str
    optimizers: dict[str, str]
    settings: dict[str, Any]
    seeds: dict[str, list[str]]
    seeds_digest: str
    open_groups: list[str]
    metric: str
    calibration: Calibration | None = None
    steps: dict[str, str]
    folds: int = 0
    procedure: list[Agreement] = Field(default_factory=list)
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
    def acceptance(self) -> float | None:
        """The share of its candidates, in [0, 1], that were accepted of the program that ships; None where nothing was
        held out."""
        both = self.comparison
        return (both.after if self.ships == "compiled" else both.before).acceptance.mean if both else None

    @field_validator("identity")
    @classmethod
    def _keeps_no_address(cls, value: str) -> str:
        return without_address(value)


@dataclasses.dataclass(frozen=True)
class Artefact:
    """A compile's result: both programs, the metric that was frozen before them, and the manifest."""

    compiled: Program
    uncompiled: Program
    frozen: Frozen
    manifest: Manifest

    @property
    def shipped(self) -> Program:
        """The program that a run uses."""
        return self.compiled if self.manifest.ships == "compiled" else self.uncompiled


class Mismatch(ValueError):
    """A compiled program that was made for something else, or that is not as it was written."""


def without_address(identity: str) -> str:
    """An engine's identity, in which a digest stands for an address but for its host: the rest of it may hold a key.
    What has no address, or no more of it than the host, stays as it is."""
    address, _, rest = identity.partition("|")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not (parts.path or parts.query):
        return identity
    return f"{parts.scheme}://{parts.netloc}|{rest}|{digest(identity)}"


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


def save(artefact: Artefact, path: Path) -> Manifest:
    """Write PATH (state JSON that `dspy.Module.load` reads) and its companions beside it; the manifest as written.

    All are written aside first; the new set stands from the moment its manifest is renamed into place, and a crash
    at any other moment leaves one set or the other. The same bytes every time for the same state.
    """
    _settle(path)
    aside = _aside(path)
    aside.mkdir(parents=True, exist_ok=True)
    _save_state(artefact.compiled, aside / path.name)
    _save_state(artefact.uncompiled, aside / uncompiled_path(path).name)
    artefact.frozen.save(aside / metric_path(path).name)
    files = {name: _sha256((aside / name).read_bytes()) for name in _names(path)}
    manifest = artefact.manifest.model_copy(update={"files": files})
    written = aside / manifest_path(path).name
    written.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    _sync([written, *(aside / name for name in files)])
    written.replace(manifest_path(path))
    _settle(path)
    return manifest


def load(recipe: Recipe, path: Path, *, teacher: str | None = None, identity: str | None = None) -> Artefact:
    """Read an artefact back. Raises FileNotFoundError where there is none.

    Raises Mismatch where it was made for something else than this, saying for what, or was changed since. With a
    `teacher` of None it may be made for any, with an `identity` of None any model may stand behind the teacher: to look
    at the artefact, not to run it.
    """
    manifest = _manifest(path)
    uncompiled, compiled = recipe.program(), recipe.program()
    for what, made_for, now in (
        ("recipe", manifest.recipe, recipe.name),
        ("teacher", manifest.teacher, teacher or manifest.teacher),
        ("model behind the teacher", manifest.identity, without_address(identity or manifest.identity)),
        ("version of the signatures", manifest.signatures, signatures_hash(uncompiled)),
    ):
        if made_for != now:
            raise Mismatch(f"{path} was compiled for the {what} {made_for}, and this is {now}")
    files = {name: _part(path, name, manifest) for name in _names(path)}
    compiled.load_state(json.loads(files[path.name]))
    uncompiled.load_state(json.loads(files[uncompiled_path(path).name]))
    return Artefact(compiled, uncompiled, _frozen(files[metric_path(path).name], path), manifest)


def uncompiled_path(path: Path) -> Path:
    """Where the program as written, that a compiled one was compared with, stands."""
    return path.with_suffix(".uncompiled.json")


def metric_path(path: Path) -> Path:
    """Where the metric that a compiled program was searched by stands, its judges in it."""
    return path.with_suffix(".metric.json")


def manifest_path(path: Path) -> Path:
    """Where the manifest of a compiled program stands."""
    return path.with_suffix(".manifest.json")


def _names(path: Path) -> list[str]:
    return [path.name, uncompiled_path(path).name, metric_path(path).name]


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.stem}.part")


def _manifest(path: Path) -> Manifest:
    try:
        return Manifest.model_validate_json(manifest_path(path).read_bytes())
    except ValidationError as error:
        raise Mismatch(f"{manifest_path(path)} is not one that this version of Seedbed writes") from error


def _part(path: Path, name: str, manifest: Manifest) -> bytes:
    """The bytes the manifest names: in place, or still aside where a crash came between the renames."""
    found = [file.read_bytes() for file in (_aside(path) / name, path.with_name(name)) if file.is_file()]
    for content in found:
        if _sha256(content) == manifest.files.get(name):
            return content
    what = "was changed after it was compiled (its manifest names another hash)" if found else "is missing"
    raise Mismatch(f"{path.with_name(name)} {what}")


def _frozen(content: bytes, path: Path) -> Frozen:
    try:
        return Frozen.model_validate_json(content)
    except ValidationError as error:
        raise Mismatch(f"{metric_path(path)} is not one that this version of Seedbed writes") from error


def _settle(path: Path) -> None:
    """Move what stands aside into place where the manifest in place names it, and drop the rest."""
    aside = _aside(path)
    if not aside.is_dir():
        return
    try:
        named = _manifest(path).files
    except (FileNotFoundError, Mismatch):
        named = {}
    for file in aside.iterdir():
        if _sha256(file.read_bytes()) == named.get(file.name):
            file.replace(path.with_name(file.name))
        else:
            file.unlink()
    aside.rmdir()


def _save_state(program: Program, file: Path) -> None:
    try:
        program.save(file)
    except RuntimeError as error:  # DSPy's wrapping of what the disk said
        raise error.__context__ or error from None


def _sync(files: Sequence[Path]) -> None:
    for file in files:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest(data: Any) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()[:16]
