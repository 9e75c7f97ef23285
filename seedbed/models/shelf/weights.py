"""Finds and checks a model's files on this machine, and identifies them by the hash of their bytes."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seedbed.config.catalogue import ShelfModel, shelf
from seedbed.config.reference import InFile, OnHub, OnShelf, Reference, parse
from seedbed.errors import UserError
from seedbed.models.shelf import hub
from seedbed.models.shelf.files import OFFLINE, is_file, is_here, is_offline, sha256, shelf_file
from seedbed.models.shelf.gguf import Header, Unfit, parts_of, read_model


@dataclass(frozen=True)
class Weights:
    """A model that can be served.

    Attributes:
        files: its parts in order; llama.cpp gets the first. sha256: of all parts.
        identity: for the journal, what a reply depends on besides the request. The hash covers the chat template too,
        which is in the file. revision: the commit of a file from the Hub; else empty.
    """

    files: Sequence[Path]
    header: Header = field(repr=False)
    sha256: str
    identity: str
    revision: str = ""

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(file.stat().st_size for file in self.files)


def on_disk(reference: Reference, base: Path) -> Sequence[Path] | None:
    """The files of a model if all are on this machine, else None; uses no network. Paths start from `base`."""
    if isinstance(reference, OnHub):
        return hub.cached(reference)
    if isinstance(reference, OnShelf):
        model = shelf()[reference.name]
        return [shelf_file(model)] if is_here(model) else None
    files = parts_of(reference.resolved(base))
    return files if all(map(is_file, files)) else None


def weights(model: str, base: Path) -> Weights:
    """The checked weights of `embedded/...`. Raises UserError where they are absent or cannot be served."""
    reference = parse(model)
    files = on_disk(reference, base)
    if files is None:
        raise _absent(model, reference, base)
    states = tuple((file, file.stat().st_size, file.stat().st_mtime_ns) for file in files)
    return _checked(model, reference, states)


@functools.lru_cache(maxsize=32)
def _checked(model: str, reference: Reference, states: Sequence[tuple[Path, int, int]]) -> Weights:
    """Check the files; once, as long as they do not change."""
    files = [file for file, _, _ in states]
    try:
        header, digest = read_model(files), sha256(files)
    except (Unfit, OSError) as error:
        reason = error if isinstance(error, Unfit) else f"cannot be read: {error.strerror}"
        raise UserError(f"{model}: {files[0]} {reason}.", hint=_hint(reference)) from error
    if isinstance(reference, OnShelf):
        _check_bytes(shelf()[reference.name], files[0], digest)
        return Weights(files, header, digest, f"{model}|{digest[:16]}")
    revision = hub.commit_of(files[0]) if isinstance(reference, OnHub) else ""
    return Weights(files, header, digest, f"embedded/gguf|{digest[:32]}", revision)


def _check_bytes(model: ShelfModel, file: Path, digest: str) -> None:
    if digest != model.sha256:
        raise UserError(
            f"{file} is not the {model.name} of the shelf: its SHA-256 is {digest[:16]}... and not "
            f"{model.sha256[:16]}...",
            hint=_hint(OnShelf(model.name)),
        )


def _hint(reference: Reference) -> str:
    if isinstance(reference, OnShelf):
        return f"Remove it, then: seedbed models pull {reference.name}"
    return "Get the file again, or name another one."


def _absent(model: str, reference: Reference, base: Path) -> UserError:
    if not isinstance(reference, InFile):
        unset = f", once {OFFLINE} is unset" if is_offline() else ""
        return UserError(f"{model} is not on this machine.", hint=f"seedbed models pull {model}{unset}")
    parts = parts_of(reference.resolved(base))
    missing = next(part for part in parts if not is_file(part))
    state = "is not there" if len(parts) == 1 else f"is not there, and {model} has {len(parts)} parts"
    return UserError(f"{missing} {state}.", hint="Fix models: in seedbed.yaml; relative paths start from its folder.")
