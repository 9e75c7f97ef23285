"""Lists the models of the project and of the shelf, with the size of each and whether it is downloaded."""

import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from seedbed.config.catalogue import shelf
from seedbed.config.load import Config, load_config
from seedbed.config.models import ModelEntry
from seedbed.config.reference import FAMILY, OnShelf, parse
from seedbed.models.shelf.files import is_here, models_folder
from seedbed.models.shelf.gguf import Unfit, read_model
from seedbed.models.shelf.machine import GB, MB, free
from seedbed.models.shelf.serving import serving
from seedbed.models.shelf.weights import on_disk


class ProjectModel(BaseModel):
    """A model of a project: the roles it is bound to, and what it can do."""

    alias: str
    model: str
    api_base: str | None
    roles: list[str]
    can: list[str]


class ShelfEntry(BaseModel):
    """A model of the shelf; `size` and `memory` (the most with default settings) in bytes."""

    name: str
    size: int
    memory: int
    licence: str
    here: bool
    summary: str


class Inventory(BaseModel):
    """All models: `folder` is where the shelf's files are, `free_memory` in bytes."""

    models: list[ProjectModel]
    shelf: list[ShelfEntry]
    folder: str
    free_memory: int


def inventory(config: Path) -> Inventory:
    """The models of a project (none if the file does not exist) and the shelf. Raises UserError for a bad config."""
    models = describe_models(load_config(config), config.parent) if config.is_file() else []
    entries = [
        ShelfEntry(
            name=model.name,
            size=model.bytes,
            memory=model.memory,
            licence=model.licence,
            here=is_here(model),
            summary=model.summary,
        )
        for model in shelf().values()
    ]
    return Inventory(models=models, shelf=entries, folder=str(models_folder()), free_memory=free())


def describe_models(config: Config, base: Path) -> list[ProjectModel]:
    """Every alias with its model, its roles and its abilities. Paths start from `base`."""
    return [
        ProjectModel(
            alias=alias,
            model=entry.model,
            api_base=entry.api_base,
            roles=[role for role, bound in config.roles.bound() if bound == alias],
            can=list(_abilities(entry, base)),
        )
        for alias, entry in config.models.items()
    ]


def inventory_text(inventory: Inventory) -> str:
    """The two lists for the terminal."""
    lines = [
        f"{model.alias:<12}{model.model:<32}  {', '.join(model.roles) or '-':<28}{'; '.join(model.can)}"
        for model in inventory.models
    ]
    lines += [""] if lines else []
    lines += [f"The shelf: models that run on this machine, as {FAMILY}NAME; their files are in {inventory.folder}"]
    lines += [f"  {'':<20}{'size':>9}{'memory':>9}  licence"]
    lines += map(_shelf_line, inventory.shelf)
    return "\n".join([*lines, f"{inventory.free_memory / GB:.1f} GB of memory are free."])


def _shelf_line(entry: ShelfEntry) -> str:
    where = "here" if entry.here else f"absent: seedbed models pull {entry.name}"
    figures = f"{entry.size / MB:>6,.0f} MB{entry.memory / GB:>6.1f} GB"
    return f"  {entry.name:<20}{figures}  {entry.licence:<12}{entry.summary:<52}{where}"


def _abilities(entry: ModelEntry, base: Path) -> Iterator[str]:
    if entry.is_embedded:
        yield _on_disk(entry, base)
    if entry.is_embedded or not entry.api_base or entry.schema_enforced:
        yield "JSON schema"
    if entry.is_embedded or entry.completions:
        yield "plain continuation"
    yield _TRAINING[entry.may_train]
    if entry.api_key:
        yield f"key {entry.api_key} {'set' if os.environ.get(entry.api_key[1:]) else 'NOT set'}"


def _on_disk(entry: ModelEntry, base: Path) -> str:
    """Whether a model is on the disk; if so its size, its licence, and the most memory it takes."""
    reference = parse(entry.model)
    files = on_disk(reference, base)
    if files is None:
        return "absent"
    try:
        header, size = read_model(files), sum(file.stat().st_size for file in files)
    except (Unfit, OSError) as error:
        return f"here, but {files[0].name} {error}"
    memory = serving(entry, header).memory(header, size)
    stated = shelf()[reference.name].licence if isinstance(reference, OnShelf) else header.values.get("general.license")
    licence = stated or "licence not stated"
    return f"here ({size / MB:,.0f} MB, up to {memory / GB:.1f} GB of memory, {licence})"


_TRAINING = {True: "output may train", False: "output may NOT train", None: "training on its output: not stated"}
