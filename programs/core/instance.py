"""What Self-Instruct makes, and the paper's filters on it (Wang et al. 2022, section 2.2)."""

import re
import unicodedata
from typing import Any

from programs.core.candidate import Candidate, Drop
from programs.core.text import blank_words, plain

FEWEST, MOST = 4, 150  # words of an instruction
OPENING = "¿¡«„“「『"  # marks that sentences of some languages begin with
NOTHING = "none"  # what stands for no input in prompts and replies

# The published code's list; from video on, words that Alpaca (Taori et al. 2023) added.
_NO_TEXT = re.compile(
    r"\b(?:images?|graphs?|pictures?|files?|maps?|draw|plot|go to|videos?|audio|music|flowcharts?|diagrams?)\b",
    re.IGNORECASE,
)


class Instance(Candidate):
    """An instruction, an input (often empty) and the output."""

    instruction: str = ""
    input: str = ""
    output: str = ""
    classification: bool = False

    def take(self, values: dict[str, Any]) -> None:
        super().take(values)
        if self.input.strip().rstrip(".").casefold() in (NOTHING, "n/a"):
            self.input = ""

    @property
    def prompt(self) -> str:
        return "\n\n".join(filter(None, (self.instruction, self.input)))

    @property
    def response(self) -> str:
        return self.output


def word_filter(candidate: Instance) -> Drop | None:
    """The filters on the instruction, as the published code has them; none while it is empty. What the published code
    has against letters beyond ASCII, the seeds' scripts decide (`metrics.checks.vetoes`)."""
    instruction = candidate.instruction
    if not instruction:
        return None
    if not FEWEST <= (size := blank_words(instruction)) <= MOST:
        return _no("length", f"{size} words; an instruction has {FEWEST} to {MOST}")
    if found := _NO_TEXT.search(instruction):
        return _no("not for text", f"it says {found[0]!r}, which a text model cannot do")
    if instruction.casefold().startswith("write a program"):
        return _no("write a program", "it is unclear whether to write the program or to give its output")
    if instruction[0] not in OPENING and unicodedata.category(instruction[0])[0] in "PS":
        return _no("odd start", f"it starts with {instruction[0]!r}")
    return None


def broken(one: Instance) -> Drop | None:
    """The paper's filters on one instance: no output, the input again, or an end in a colon (cut off)."""
    said, given = plain(one.output).strip(), plain(one.input).strip()
    if not said or said == given:
        return Drop(step="instances", reason="no output", detail="the output is empty or the input again")
    if said.endswith(":") or given.endswith(":"):
        return Drop(step="instances", reason="cut off", detail="it ends in a colon")
    return None


def consistent(instances: list[Instance]) -> list[Instance]:
    """The instances of one task; all of them dropped where two have the same input and different outputs."""
    alive = [one for one in instances if not one.dropped]
    outputs = {plain(one.input).strip(): plain(one.output) for one in alive}
    if any(outputs[plain(one.input).strip()] != plain(one.output) for one in alive):
        for one in alive:
            one.dropped = Drop(step="instances", reason="one input, two outputs", detail=one.input)
    return instances


def _no(reason: str, detail: str) -> Drop:
    return Drop(step="filter", reason=reason, detail=detail)
