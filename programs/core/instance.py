"""The rows and seeds of Self-Instruct, and the paper's filters for rows (Wang et al. 2022, section 2.2)."""

import re
import unicodedata
from typing import Any

from pydantic import Field

from programs.core.kinds import Chat, Prompt
from programs.core.recipe import Seed
from programs.core.row import Drop
from programs.core.text import blank_words, plain

FEWEST, MOST = 4, 150  # words of an instruction
OPENING = "¿¡«„“「『"  # marks at the beginning of sentences in some languages
NO_INPUT = "none"  # the word for an empty input in prompts and replies

# The published code's list; from video on, words that Alpaca (Taori et al. 2023) added.
_NO_TEXT = re.compile(
    r"\b(?:images?|graphs?|pictures?|files?|maps?|draw|plot|go to|videos?|audio|music|flowcharts?|diagrams?)\b",
    re.IGNORECASE,
)


class Instance(Chat, response="output"):
    """An instruction, an input (often empty) and the output."""

    instruction: str = ""
    input: str = ""
    output: str = ""
    classification: bool = False

    def take(self, values: dict[str, Any]) -> None:
        super().take(values)
        if self.input.strip().rstrip(".").casefold() in (NO_INPUT, "n/a"):
            self.input = ""

    @property
    def prompt(self) -> str:
        return "\n\n".join(filter(None, (self.instruction, self.input)))


class TaskSeed(Seed, row=Instance):
    """A task that a person wrote, with one instance."""

    instruction: str = Field(min_length=1)
    input: str = Field("", description="what the task is done on; empty where it needs nothing")
    output: str = Field(min_length=1)
    classification: bool = Field(description="whether the output is one of a few fixed labels")

    @property
    def shown(self) -> str:
        return self.instruction


class Task(Prompt, prompt="instruction"):
    """An instruction alone, for a run that stops there."""

    instruction: str = ""


def word_filter(candidate: Instance | Task) -> Drop | None:
    """The published code's filters on the instruction; None while it is empty. Instead of the published code's rule
    against letters beyond ASCII, the scripts of the seeds decide (`metrics.checks.vetoes`)."""
    instruction = candidate.instruction
    if not instruction:
        return None
    if not FEWEST <= (size := blank_words(instruction)) <= MOST:
        return _no("length", f"{size} words; an instruction has {FEWEST} to {MOST}")
    if match := _NO_TEXT.search(instruction):
        return _no("not for text", f"it says {match[0]!r}, which a text model cannot do")
    if instruction.casefold().startswith("write a program"):
        return _no("write a program", "it is unclear whether to write the program or to give its output")
    if instruction[0] not in OPENING and unicodedata.category(instruction[0])[0] in "PS":
        return _no("odd start", f"it starts with {instruction[0]!r}")
    return None


def broken(instance: Instance) -> Drop | None:
    """The paper's filters on one instance: no output, a copy of the input, or a colon at the end (cut off)."""
    output, input_text = plain(instance.output).strip(), plain(instance.input).strip()
    if not output or output == input_text:
        return Drop(step="instances", reason="no output", detail="the output is empty or the input again")
    if output.endswith(":") or input_text.endswith(":"):
        return Drop(step="instances", reason="cut off", detail="it ends in a colon")
    return None


def consistent(instances: list[Instance]) -> list[Instance]:
    """The instances of one task; all are dropped if two have the same input and different outputs."""
    alive = [instance for instance in instances if not instance.dropped]
    outputs = {plain(instance.input).strip(): plain(instance.output) for instance in alive}
    if any(outputs[plain(instance.input).strip()] != plain(instance.output) for instance in alive):
        for instance in alive:
            instance.dropped = Drop(step="instances", reason="one input, two outputs", detail=instance.input)
    return instances


def _no(reason: str, detail: str) -> Drop:
    return Drop(step="filter", reason=reason, detail=detail)
