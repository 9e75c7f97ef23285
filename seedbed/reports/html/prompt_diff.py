"""What compiling changed in the prompts: a word diff of each step, with the seeds that its demos come from."""

import dataclasses
import difflib
import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from programs.core.program import Program
from programs.core.recipe import recipes
from programs.core.step import Step
from programs.formats.formats import FORMATS
from seedbed.reports.html.run_folder import MadeWith
from seedbed.sources.chunks import CHARACTERS_PER_TOKEN

_WORDS = re.compile(r"\s+|[^\s]+")


class Change(NamedTuple):
    """A part of a prompt: as it was, added, or taken out."""

    kind: Literal["same", "ins", "del"]
    text: str


@dataclasses.dataclass(frozen=True)
class PromptDiff:
    """One step's prompt. `note`: its format, demos and length before and after."""

    step: str
    note: str
    pieces: Sequence[Change]


def prompt_diffs(made: MadeWith, options: dict[str, Any]) -> list[PromptDiff]:
    """The prompts of each step, uncompiled and compiled, with `<name>` where an input goes; empty without states, or if
    this version of the recipe cannot read them."""
    recipe = made.manifest.recipe if made.manifest else ""
    if recipe not in recipes() or not made.uncompiled:
        return []
    before, after = (_program(recipe, options, state) for state in (made.uncompiled, made.compiled or made.uncompiled))
    if before is None or after is None:
        return []
    return [_diff(name, step, after.step(name)) for name, step in before.named_predictors()]


def _program(recipe: str, options: dict[str, Any], state: dict[str, Any]) -> Program | None:
    of = recipes()[recipe]
    try:
        program = of.program(of.options(**options))
        program.load_state({name: value for name, value in state.items() if name != "metadata"})
    except (ValueError, KeyError, TypeError, AttributeError):  # another version of Seedbed wrote it
        return None
    return program


def _diff(name: str, before: Step, after: Step) -> PromptDiff:
    old, new = _prompt(before), _prompt(after)
    sizes = " to ".join(f"{len(text) // CHARACTERS_PER_TOKEN:,}" for text in (old, new))
    demos = f"{len(after.demos)} demo{'s' * (len(after.demos) != 1)}"
    note = f"{before.format} to {after.format}, {demos}; about {sizes} tokens without the inputs"
    return PromptDiff(name, note, _changes(old, new))


def _prompt(step: Step) -> str:
    inputs = {field: f"<{field}>" for field in step.signature.input_fields}
    messages = FORMATS[step.format].format(step.signature, step.shown(inputs), inputs)
    return "\n\n".join(f"[{message['role']}]\n{message['content']}" for message in messages)


def _changes(old: str, new: str) -> list[Change]:
    """The new text word by word, with what was added and what was taken out."""
    first, second = _WORDS.findall(old), _WORDS.findall(new)
    changes = list[Change]()
    for kind, a, b, c, d in difflib.SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if kind == "equal":
            changes.append(Change("same", "".join(first[a:b])))
            continue
        changes += [Change("del", "".join(first[a:b]))] if b > a else []
        changes += [Change("ins", "".join(second[c:d]))] if d > c else []
    return changes
