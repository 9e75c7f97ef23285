"""Shows the prompts of a program and its judges as a model sees them, with `<name>` where an input goes."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from programs.core.step import Step
from programs.formats.formats import FORMATS
from seedbed.compiling.metric import asked_judges
from seedbed.compiling.programs import peek_artefact, program_path
from seedbed.config.load import unknown
from seedbed.errors import UserError
from seedbed.project.project import Project
from seedbed.runs.record.provenance import named_steps, shown_seeds
from seedbed.sources.chunks import CHARACTERS_PER_TOKEN


class Prompt(BaseModel):
    """One predictor's prompt.

    `demos`: for each demo shown, the seeds or verdicts that it comes from. `nearest`: 0, or the number of demos from
    which each call shows those nearest to its inputs; `messages` then has the first ones. `characters` and `tokens`
    (estimated, 4 characters each) do not count the inputs.
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
    """The prompts of every predictor by name, the judges' last; and a remark that says where they are from.

    Opens no model. Raises UserError where there is no compiled program that fits the project.
    """
    if uncompiled:
        program, judges, remark = project.program(), asked_judges(project), "as written, not compiled"
    else:
        artefact = peek_artefact(project)
        program, judges, remark = (
            artefact.compiled,
            artefact.frozen.opened(project.recipe),
            f"compiled: {program_path(project)}",
        )
        if artefact.manifest.ships != "compiled":
            remark += f"\na run uses the uncompiled program instead, for {artefact.manifest.why}"
    steps = named_steps(program, judges)
    labelled = [*project.inputs.seeds, *project.inputs.verdicts] if any(step.demos for step in steps.values()) else []
    return {name: prompt(name, step, shown_seeds(step, labelled)) for name, step in steps.items()}, remark


def chosen(prompts: Mapping[str, Prompt], name: str | None) -> list[Prompt]:
    """The prompt of this name (or of the judge of this aspect); None is all. Raises UserError where there is none."""
    if name is None:
        return list(prompts.values())
    for full in (name, f"judge {name}"):
        if full in prompts:
            return [prompts[full]]
    raise UserError(f"STEP: {unknown('step', name, list(prompts))}.", hint="seedbed prompt shows them all.")


def prompt(name: str, step: Step, seeds: Sequence[list[str]]) -> Prompt:
    """The prompt of a step. `seeds`: for each of its demos, the seeds or verdicts that it comes from."""
    inputs = {field: f"<{field}>" for field in step.signature.input_fields}
    demos, origins = step.shown(inputs), dict(zip(map(id, step.demos), seeds, strict=True))
    messages = FORMATS[step.format].format(step.signature, demos, inputs)
    characters = sum(len(message["content"]) for message in messages) - sum(map(len, inputs.values()))
    return Prompt(
        step=name,
        format=step.format,
        inputs=list(inputs),
        demos=[origins[id(demo)] for demo in demos],
        nearest=len(step.demos) if 0 < step.nearest < len(step.demos) else 0,
        characters=characters,
        tokens=round(characters / CHARACTERS_PER_TOKEN),
        messages=[{"role": message["role"], "text": message["content"]} for message in messages],
    )
