"""`seedbed explain`: shows one row, and everything that made it."""

from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.shared.options import JsonOption, print_json


def explain(
    folder: Annotated[Path, typer.Argument(help="A run's folder.", show_default=False)],
    row_id: Annotated[
        str, typer.Argument(help="The id of a row or a rejected candidate, or its beginning.", show_default=False)
    ],
    json: JsonOption = False,
) -> None:
    """Explain one row: its source with the sentences that support it, every score and why, each prompt and reply.

    Only reads the folder: it opens no model and writes nothing, and a run may be going on.
    """
    from seedbed.reports.explain import explain_row

    explanation = explain_row(folder, row_id)
    if json:
        print_json(explanation.model_dump())
        return
    from seedbed.reports.page import Page

    Page().explanation(explanation)
