"""`seedbed label`: asks a person for verdicts on rows."""

from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.shared.options import CONFIG, ConfigOption


def label(
    folder: Annotated[Path, typer.Argument(help="A run's folder.", show_default=False)],
    n: Annotated[int, typer.Option(min=1, help="How many rows to ask about.")] = 30,
    config: ConfigOption = CONFIG,
) -> None:
    """Ask a person about rows of a run: yes, no, why; of pairs, which answer is better. Rows on which the scorers
    disagree come first.

    Each answer is appended at once to the project's verdicts file, which compile checks its judges against.
    """
    from seedbed.config.load import load_config
    from seedbed.review.label import ask, rows_to_label, verdicts_file

    to = verdicts_file(config)
    rows = rows_to_label(folder, to)[:n]
    print(f"{len(rows)} rows. y: a good row, n: not, s: skip, q: stop. Verdicts go to {to}")
    count = sum(ask(row, to, f"[{number}/{len(rows)}]") for number, row in enumerate(rows, 1))
    print(f"{count} verdicts written to {to}; seedbed report {folder} shows what they say")
    if not load_config(config).verdicts:
        print(f"Add this line to {config}, so that compile reads them:  verdicts: {to.name}")
