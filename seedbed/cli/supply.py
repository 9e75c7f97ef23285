"""Before a command's first call: absent models are brought here, once their sizes and licences are said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from seedbed.errors import UserError

if TYPE_CHECKING:
    from seedbed.config import Config
    from seedbed.progress import Progress
    from seedbed.shelf.reference import OnHub, OnShelf

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Bring absent models here without asking.")]
MB = 1_000_000


class Absent(NamedTuple):
    """A model that is not here: its name, its bytes, its licence, and what brings it."""

    name: str
    size: int
    licence: str
    pull: Callable[[Progress], object]

    def __str__(self) -> str:
        return f"{self.name} ({self.size / MB:,.0f} MB, {self.licence or 'licence not stated'})"


def supply(config: Config, base: Path, aliases: Iterable[str] | None = None, *, yes: bool) -> None:
    """Bring here what these aliases (by default all that calls may go to) need and this machine lacks.

    On a terminal a person is asked first. Raises UserError where a model cannot be had, or none may be brought.
    """
    from seedbed.prices import in_use

    entries = [config.models[alias] for alias in aliases or in_use(config) if alias in config.models]
    bring([entry.model for entry in entries if entry.is_embedded], base, yes=yes)


def bring(models: Sequence[str], base: Path, *, yes: bool) -> None:
    """Likewise, for model strings `embedded/...`. Paths start from `base`."""
    from seedbed.shelf.files import OFFLINE, is_offline, models_folder
    from seedbed.shelf.reference import InFile, parse
    from seedbed.shelf.weights import on_disk

    references = {model: parse(model) for model in dict.fromkeys(models)}
    missing = {
        model: reference
        for model, reference in references.items()
        if not isinstance(reference, InFile) and on_disk(reference, base) is None
    }
    if not missing:
        return
    if is_offline():
        raise UserError(
            f"{', '.join(missing)}: not on this machine, and {OFFLINE} is set.",
            hint=f"Unset it, or bring the file here (a model of the shelf into {models_folder()}).",
        )
    absent = [_looked_up(model, reference) for model, reference in missing.items()]
    print(f"seedbed: needed and not here: {'; '.join(map(str, absent))}", file=sys.stderr)
    if not yes and sys.stdin.isatty() and sys.stderr.isatty() and not typer.confirm("Bring it here?", True, err=True):
        raise UserError("Nothing was brought here.", hint="Name another model under models:, or say yes.")
    from seedbed.progress import Progress

    with Progress() as progress:
        for model in absent:
            model.pull(progress)
            progress.say(f"{model.name} is here")


def _looked_up(model: str, reference: OnShelf | OnHub) -> Absent:
    from seedbed.shelf import hub, pull
    from seedbed.shelf.catalogue import shelf
    from seedbed.shelf.reference import OnShelf

    if isinstance(reference, OnShelf):
        known = shelf()[reference.name]
        return Absent(known.name, known.bytes, known.licence, partial(pull.pull, known))
    try:
        listing = hub.listing(reference)
    except hub.Unreachable as error:
        hint = "Mend it, or name a model of the shelf (seedbed models lists them)."
        raise UserError(f"{model}: {error}.", hint=hint) from error
    size = sum(listing.files.values())
    return Absent(model, size, listing.licence, partial(pull.pull_from_hub, reference, listing))
