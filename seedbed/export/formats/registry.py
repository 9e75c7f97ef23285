"""All formats by name."""

from programs.core.kinds import KINDS
from programs.core.row import Candidate
from seedbed.config.load import unknown
from seedbed.errors import UserError
from seedbed.export.format import Format
from seedbed.export.formats import argilla, axolotl, llamafactory, openai, sharegpt, trl

DEFAULT = trl.SFT.name
FORMATS: dict[str, Format] = {
    format.name: format
    for format in (
        trl.SFT,
        trl.CHAT,
        trl.DPO,
        trl.REWARD,
        trl.KTO,
        axolotl.STEPWISE,
        trl.PROMPTS,
        trl.TEXT,
        trl.CLASSIFIER,
        openai.OPENAI,
        openai.OPENAI_DPO,
        sharegpt.SHAREGPT,
        sharegpt.ALPACA,
        llamafactory.LLAMAFACTORY,
        llamafactory.KTO,
        axolotl.AXOLOTL,
        axolotl.KTO,
        axolotl.REWARD,
        sharegpt.UNSLOTH,
        argilla.ARGILLA,
    )
}


def format_for(name: str, kind: type[Candidate]) -> Format:
    """The format of this name. Raises UserError if there is none, or if it does not take rows of this kind; then it
    names those that do."""
    if name not in FORMATS:
        raise UserError(f"--to: {unknown('format', name, list(FORMATS))}", hint="seedbed export --help lists them.")
    if kind not in FORMATS[name].kinds:
        fitting = ", ".join(format.name for format in FORMATS.values() if kind in format.kinds)
        taken = " or ".join(other.__name__ for other in KINDS if other in FORMATS[name].kinds)
        raise UserError(
            f"{name} takes {taken} rows, and these are {kind.__name__} rows.", hint=f"Formats that fit: {fitting}."
        )
    return FORMATS[name]
