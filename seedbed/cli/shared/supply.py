"""Downloads absent models before a command's first call, after it prints their sizes and licences."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from seedbed.errors import UserError
from seedbed.terminal import readable

if TYPE_CHECKING:
    from seedbed.config.load import Config
    from seedbed.config.models import ModelEntry
    from seedbed.config.reference import OnHub, OnShelf
    from seedbed.progress import Progress

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Download absent models without asking.")]


class Absent(NamedTuple):
    """A model that is not here: its name, bytes and licence, and the function that downloads it."""

    name: str
    size: int
    licence: str
    pull: Callable[[Progress], object]

    def __str__(self) -> str:
        from seedbed.models.shelf.machine import MB

        return readable(f"{self.name} ({self.size / MB:,.0f} MB, {self.licence or 'licence not stated'})")


def supply(config: Config, base: Path, teachers: Sequence[str | None] = (None,), *, yes: bool) -> None:
    """Download the absent models that calls may need with each of these teachers (None: the config's), and check that
    memory suffices for the models that are served together.

    On a terminal a person is asked first. If `SEEDBED_OFFLINE` is set, nothing is downloaded, and a call that needs an
    absent model says so. Raises UserError where a model cannot be downloaded or served.
    """
    from seedbed.models.prices import in_use

    configs = [config.swap(teacher) for teacher in teachers]
    supply_entries([[config.models[alias] for alias in in_use(swapped)] for swapped in configs], base, yes=yes)


def supply_entries(together: Sequence[Sequence[ModelEntry]], base: Path, *, yes: bool) -> None:
    """Like `supply`, for groups of entries that are served together."""
    from seedbed.models.engines.embedded import check_memory
    from seedbed.models.shelf.files import is_offline

    groups = [[entry for entry in group if entry.is_embedded] for group in together]
    if is_offline():
        return
    bring([entry.model for group in groups for entry in group], base, yes=yes)
    for group in filter(None, groups):
        check_memory(group, base)


def bring(models: Sequence[str], base: Path, *, yes: bool) -> None:
    """Download the absent ones of these model strings `embedded/...`; paths start from `base`.

    Asks first, as `supply` does. Raises UserError offline, and where a model cannot be downloaded.
    """
    from seedbed.models.shelf.files import check_online

    if not (missing := _missing(models, base)):
        return
    check_online(", ".join(missing))
    absent = [_looked_up(model, reference) for model, reference in missing.items()]
    print(f"seedbed: needed and not here: {'; '.join(map(str, absent))}", file=sys.stderr)
    if not yes and _is_answered() and not typer.confirm("Download it?", True, err=True):
        raise UserError("Nothing was downloaded.", hint="Name another model under models:, or say yes.")
    from seedbed.progress import Progress

    with Progress() as progress:
        for model in absent:
            model.pull(progress)
            progress.say(f"{model.name} is here")


def _is_answered() -> bool:
    """Whether a person at a terminal can answer."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


def _missing(models: Sequence[str], base: Path) -> dict[str, OnShelf | OnHub]:
    from seedbed.config.reference import InFile, parse
    from seedbed.models.shelf.weights import on_disk

    references = {model: parse(model) for model in dict.fromkeys(models)}
    return {
        model: reference
        for model, reference in references.items()
        if not isinstance(reference, InFile) and on_disk(reference, base) is None
    }


def _looked_up(model: str, reference: OnShelf | OnHub) -> Absent:
    from seedbed.config.catalogue import shelf
    from seedbed.config.reference import OnShelf
    from seedbed.models.shelf import hub, pull

    if isinstance(reference, OnShelf):
        shelf_model = shelf()[reference.name]
        return Absent(shelf_model.name, shelf_model.bytes, shelf_model.licence, partial(pull.pull, shelf_model))
    try:
        listing = hub.listing(reference)
    except hub.Unreachable as error:
        hint = "Fix it, or name a model of the shelf (seedbed models lists them)."
        raise UserError(f"{model}: {error}.", hint=hint) from error
    size = sum(listing.files.values())
    return Absent(model, size, listing.licence, partial(pull.pull_from_hub, reference, listing))
