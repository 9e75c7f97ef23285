"""`seedbed export`: writes rows in the format of a trainer."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from seedbed.cli.shared.options import JsonOption, print_json, print_text

_TO = typer.Option(help="The format, one of those named above.")
_ROWS = typer.Option(help="accepted: all but those that a person called bad. reviewed: those that one called good.")
_OUT = typer.Option(help="The new folder; FOLDER-FORMAT by default. An earlier export there is replaced.")
_VIEW = typer.Option(help="open: the passage stands in the prompt. closed: the question alone. both: one line of each.")
_SYSTEM = typer.Option(help="A system message before each conversation.")
_PROBABILITY = typer.Option(min=0, max=1, help="Only rows that a person accepts with this probability or a higher one.")
_LIMIT = typer.Option(min=1, help="The most rows.")
_BALANCE = typer.Option(help="Take as evenly as there are rows of each document, or of each teacher.")
_MIX = typer.Option(help="The share of each run by the name of its folder, as in a=0.6,b=0.4.")
_NEUTRAL = typer.Option(help="What a neutral step counts as: right, wrong, or the end of its solution.")
_SHUFFLE = typer.Option(help="A seed for the order of the lines; without it, the order of the run.")
_TOKENS = typer.Option(help="Count tokens with this tokenizer, of the Hub or a folder, to see what would be cut.")
_REPO = typer.Option(help="For hub: OWNER/NAME of the dataset.")
_ANYWAY = typer.Option("--anyway", help="Also rows of models whose output is not stated to be allowed to train others.")


FOR_HUB = {"folders", "to", "out", "anyway", "repo", "public", "licence", "dry_run"}
"""The parameters that `--to hub` takes."""


class RowsName(StrEnum):
    """Which rows are written."""

    accepted = "accepted"
    reviewed = "reviewed"


class ViewName(StrEnum):
    """Whether the passage stands in the prompt."""

    open = "open"
    closed = "closed"
    both = "both"


class NeutralName(StrEnum):
    """What a neutral step counts as."""

    true = "true"
    false = "false"
    drop = "drop"


class BalanceName(StrEnum):
    """What rows are taken evenly of."""

    document = "document"
    teacher = "teacher"


def export(
    context: typer.Context,
    folders: Annotated[list[Path], typer.Argument(help="The folders of finished runs.", show_default=False)],
    to: Annotated[str, _TO] = "trl-sft",
    out: Annotated[Path | None, _OUT] = None,
    rows: Annotated[RowsName, _ROWS] = RowsName.accepted,
    view: Annotated[ViewName, _VIEW] = ViewName.open,
    system: Annotated[str, _SYSTEM] = "",
    min_probability: Annotated[float | None, _PROBABILITY] = None,
    limit: Annotated[int | None, _LIMIT] = None,
    balance: Annotated[BalanceName | None, _BALANCE] = None,
    mix: Annotated[str, _MIX] = "",
    neutral: Annotated[NeutralName | None, _NEUTRAL] = None,
    shuffle: Annotated[int | None, _SHUFFLE] = None,
    tokens: Annotated[str | None, _TOKENS] = None,
    max_tokens: Annotated[int, typer.Option(min=1, help="The tokens at which the trainer cuts a line.")] = 2048,
    anyway: Annotated[bool, _ANYWAY] = False,
    repo: Annotated[str, _REPO] = "",
    public: Annotated[bool, typer.Option("--public", help="For hub: let everybody see the dataset.")] = False,
    licence: Annotated[str | None, typer.Option("--license", help="For hub: of the dataset, as apache-2.0.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="For hub: write the folder, and upload nothing.")] = False,
    json: JsonOption = False,
) -> None:
    """Write the rows of finished runs in the format of a trainer, with the script or the settings that train on them.

    For chats: trl-sft (the answers alone), trl-chat, openai, sharegpt, alpaca, llamafactory, axolotl, unsloth, argilla.

    For preferences: trl-dpo, trl-reward, openai-dpo, axolotl, axolotl-reward, llamafactory.

    For both, as good and bad answers: trl-kto, axolotl-kto, llamafactory-kto.

    For other rows: prompts (GRPO), stepwise, text, classifier.

    hub puts the run's own files and card on the Hugging Face Hub, private unless --public; HF_TOKEN is the key.

    Each line has exactly the columns of its format; where it comes from stands beside it, in provenance.jsonl.

    Rows that a person called bad with seedbed label are left out. Splits stay as they are.

    Of several runs, a document that one holds out is held out in all, and repeated lines are left out.

    For example: seedbed export dataset --to trl-sft --view both --out sft
    """
    from seedbed.export.export import ExportSettings, export_rows, export_summary
    from seedbed.export.selection import Selection
    from seedbed.progress import Progress

    if to == "hub":
        _takes_no_more(context)
        _publish(folders, out, repo, public=public, licence=licence, dry_run=dry_run, anyway=anyway)
        return
    to_folder = out or folders[0].resolve().with_name(f"{folders[0].resolve().name}-{to}")
    selection = Selection(
        reviewed=rows is RowsName.reviewed,
        least=min_probability,
        limit=limit,
        balance=balance.value if balance else None,
        mix=_shares(mix),
    )
    settings = ExportSettings(
        to=to,
        view=view.value,
        system=system,
        neutral=neutral.value if neutral else None,
        selection=selection,
        shuffle=shuffle,
        tokenizer=tokens,
        max_tokens=max_tokens,
        anyway=anyway,
    )
    with Progress() as progress:
        record = export_rows(folders, to_folder, settings, progress)
    if json:
        print_json(record)
    else:
        print_text(export_summary(record, to_folder))


def _takes_no_more(context: typer.Context) -> None:
    """Raises UserError for an option that changes rows or lines: the Hub gets the run's own files."""
    from seedbed.errors import UserError

    others = [param for param in context.command.params if param.name in context.params.keys() - FOR_HUB]
    changed = [param.opts[0] for param in others if context.params[str(param.name)] != param.default]
    if changed:
        raise UserError(
            f"The Hub takes the run as it is, without {', '.join(changed)}: "
            "only --out, --anyway and the options for hub hold.",
            hint="Leave the others out, or export to a trainer's format and upload that.",
        )


def _publish(
    folders: list[Path],
    out: Path | None,
    repo: str,
    *,
    public: bool,
    licence: str | None,
    dry_run: bool,
    anyway: bool,
) -> None:
    """Write the folder of one run as it would lie on the Hub and, unless it is a dry run, upload it."""
    from seedbed.errors import UserError
    from seedbed.export.export import check_licences
    from seedbed.export.hub import push, write_hub_folder
    from seedbed.export.runs import FinishedRun

    if len(folders) > 1 or not (repo or dry_run):
        raise UserError(
            "The Hub takes one run, with a name.", hint="Name one folder, and --repo OWNER/NAME or --dry-run."
        )
    run = FinishedRun(folders[0])
    check_licences([run], anyway=anyway)
    to_folder = out or folders[0].resolve().with_name(f"{folders[0].resolve().name}-hub")
    files = write_hub_folder(run, to_folder, licence)
    names = ", ".join(str(path.relative_to(to_folder)) for path in files)
    print_text(f"{to_folder}  ({names})")
    if not licence:
        print_text("note: no licence is named; --license sets one")
    if not dry_run:
        print_text(push(to_folder, repo, private=not public))


def _shares(mix: str) -> dict[str, float]:
    """The shares of --mix. Raises UserError for another form."""
    from seedbed.errors import UserError

    try:
        parts = [part.rsplit("=", 1) for part in mix.split(",") if part.strip()]
        shares = {name.strip(): float(share) for name, share in parts}
        named_once = len(shares) == len(parts) and bool(shares or not mix)
        if not named_once or not all(0 < share < math.inf for share in shares.values()):
            raise ValueError
    except ValueError:
        raise UserError(f"--mix {mix} names no share above 0 for each run.", hint="Write it as a=0.6,b=0.4.") from None
    return shares
