"""`seedbed init`: writes a project that runs as it is."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="The new project's folder.", show_default=False)],
    recipe: Annotated[str, typer.Option(help="What kind of rows; `seedbed recipes` lists them.")] = "grounded-qa",
) -> None:
    """Write a project that runs as it is: config, seeds, verdicts, documents."""
    from seedbed.project.template import write_project

    for path in write_project(folder, recipe):
        print(path)
    print(f"\nNext: cd {folder} && seedbed compile && seedbed run --rows 20 --out dataset")
    print("It is all in English. For another language put your own documents and seeds there; seedbed doctor says what")
    print("embedder: and judge make of it.")
