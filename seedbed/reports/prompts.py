"""The prompts of a program and its judges as a model sees them, with `<name>` where an input goes."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from programs.core.step import Step
from programs.formats.formats import FORMATS
from seedbed.compiling.metric import asked_judges
from seedbed.compiling.programs import peek_artefact
from seedbed.config.load import unknown
from seedbed.errors import UserError
from seedbed.project.project import Project
from seedbed.runs.provenance import named_steps, shown_seeds
from seedbed.sources.chunks import CHARACTERS_PER_TOKEN


class Prompt(BaseModel):
    """One predictor's prompt.

    `demos`: for each demo shown, the seeds or verdicts it stands on. `nearest`: 0, or of how many demos each call
    shows those nearest to its inputs; here then stand the first. `characters` and `tokens` (estimated, 4 characters
    each) are the prompt's without its inputs.
    """

    step: str
    format: str
    inputs: list[str]
    demos: list[list[str]]
    nearest: int
    characters: int
    tokens: int
    messages: list[dict[str, str]]


def prompts(project: Project, *, uncompiled: bool) -> tuple[dict[str, Prompt], str]:
    """The prompts of every predictor, the judges' last, by name; and what is to be said of them.

    No model is opened. Raises UserError where there is no compiled program that fits the project.
    """
    if uncompiled:
        program, judges, remark = project.recipe.program(), asked_judges(project), "as written, not compiled"
    else:
        found = peek_artefact(project)
        program, judges, remark = found.compiled, found.frozen.opened(), f"compiled: {project.compiled_path()}"
        if found.manifest.ships != "compiled":
            remark += f"\na run uses the uncompiled program instead, for {found.manifest.why}"
    steps = named_steps(program, judges)
    labelled = [*project.seeds, *project.verdicts] if any(step.demos for step in steps.values()) else []
    return {name: _prompt(name, step, labelled) for name, step in steps.items()}, remark


def chosen(found: Mapping[str, Prompt], name: str | None) -> list[Prompt]:
    """The prompt of that name (a judge's also by its aspect alone), or all. Raises UserError where there is none."""
    if name is None:
        return list(found.values())
    for full in (name, f"judge {name}"):
        if full in found:
            return [found[full]]
    raise UserError(f"STEP: {unknown('step', name, list(found))}.", hint="seedbed prompt shows them all.")


def _prompt(name: str, step: Step, labelled: Sequence[Any]) -> Prompt:
    inputs = {field: f"<{field}>" for field in step.signature.input_fields}
    demos, seeds = step.shown(inputs), dict(zip(map(id, step.demos), shown_seeds(step, labelled), strict=True))
    said = FORMATS[step.format].format(step.signature, demos, inputs)
    characters = sum(len(message["content"]) for message in said) - sum(map(len, inputs.values()))
    return Prompt(
        step=name,
        format=step.format,
        inputs=list(inputs),
        demos=[seeds[id(demo)] for demo in demos],
        nearest=len(step.demos) if 0 < step.nearest < len(step.demos) else 0,
        characters=characters,
        tokens=round(characters / CHARACTERS_PER_TOKEN),
        messages=[{"role": message["role"], "text": message["content"]} for message in said],
    )
