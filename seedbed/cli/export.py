"""`seedbed export`: writes rows in the format of a trainer."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.shared.options import JsonOption, print_json, print_text

_TO = typer.Option(help="The format, one of those named above.")
_OUT = typer.Option(help="The new folder; FOLDER-FORMAT by default. An earlier export there is replaced.")
_VIEW = typer.Option(help="open: the passage stands in the prompt. closed: the question alone. both: one line of each.")
_SYSTEM = typer.Option(help="A system message before each conversation.")
_PROBABILITY = typer.Option(min=0, max=1, help="Only rows that a person accepts with this probability or a higher one.")
_LIMIT = typer.Option(min=1, help="The most rows.")
_BALANCE = typer.Option(help="Take as evenly as there are rows of each document, or of each teacher.")
_MIX = typer.Option(help="The share of each run by the name of its folder, as in a=0.6,b=0.4.")
_SHUFFLE = typer.Option(help="A seed for the order of the lines; without it, the order of the run.")
_TOKENS = typer.Option(help="Count tokens with this tokenizer, of the Hub or a folder, to see what would be cut.")
_ANYWAY = typer.Option("--anyway", help="Also rows of models whose output is not stated to be allowed to train others.")


class ViewName(StrEnum):
    """Whether the passage stands in the prompt."""

    open = "open"
    closed = "closed"
    both = "both"


class BalanceName(StrEnum):
    """What rows are taken evenly of."""

    document = "document"
    teacher = "teacher"


def export(
    folders: Annotated[list[Path], typer.Argument(help="The folders of finished runs.", show_default=False)],
    to: Annotated[str, _TO] = "trl-sft",
    out: Annotated[Path | None, _OUT] = None,
    view: Annotated[ViewName, _VIEW] = ViewName.open,
    system: Annotated[str, _SYSTEM] = "",
    min_probability: Annotated[float | None, _PROBABILITY] = None,
    limit: Annotated[int | None, _LIMIT] = None,
    balance: Annotated[BalanceName | None, _BALANCE] = None,
    mix: Annotated[str, _MIX] = "",
    shuffle: Annotated[int | None, _SHUFFLE] = None,
    tokens: Annotated[str | None, _TOKENS] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="The tokens at which the trainer cuts a line.")] = 2048,
    anyway: Annotated[bool, _ANYWAY] = False,
    json: JsonOption = False,
) -> None:
    """Write the rows of finished runs in the format of a trainer, with the script or the settings that train on them.

    For chats: trl-sft (the answers alone), trl-chat, openai, sharegpt, alpaca, llamafactory, axolotl, unsloth.

    For preferences: trl-dpo, trl-reward, openai-dpo, and trl-kto, which also takes chats: accepted and faulty answers.

    For other rows: prompts (GRPO), stepwise, text, classifier.

    Each line has exactly the columns of its format; where it comes from stands beside it, in SPLIT.provenance.jsonl.
    Splits stay as they are. Of several runs, a document that one holds out is held out in all, and repeated lines are
    left out.

    For example: seedbed export dataset --to trl-sft --view both --out sft
    """
    from seedbed.export.export import ExportSettings, export_rows, export_summary
    from seedbed.export.selection import Selection
    from seedbed.progress import Progress

    to_folder = out or folders[0].resolve().with_name(f"{folders[0].resolve().name}-{to}")
    selection = Selection(min_probability, limit, balance.value if balance else None, _shares(mix))
    settings = ExportSettings(to, view.value, system, selection, shuffle, tokens, max_tokens, anyway)
    with Progress() as progress:
        record = export_rows(folders, to_folder, settings, progress)
    if json:
        print_json(record)
    else:
        print_text(export_summary(record, to_folder))


def _shares(mix: str) -> dict[str, float]:
    """The shares of --mix. Raises UserError for another form."""
    from seedbed.errors import UserError

    try:
        parts = [part.rsplit("=", 1) for part in mix.split(",") if part.strip()]
        shares = {name.strip(): float(share) for name, share in parts}
        if any(share <= 0 for share in shares.values()):
            raise ValueError
    except ValueError:
        raise UserError(f"--mix {mix} names no shares above 0.", hint="Write it as a=0.6,b=0.4.") from None
    return shares
