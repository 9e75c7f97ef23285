"""What compiling changed in the prompts: a word diff of each step, its demos with their seeds, and its tokens."""

import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from programs.core.program import Program
from programs.core.recipe import recipes
from programs.core.step import Step
from seedbed.errors import UserError
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.run_folder import MadeWith, RunFolder
from seedbed.reports.html.section import Section
from seedbed.reports.html.sections.word_diff import Change, word_diff
from seedbed.reports.prompts import Prompt, prompt
from seedbed.runs.record.provenance import strings_of
from seedbed.storage.run_reader import Records

QUESTION = "What was changed in the prompts?"
SeedsOf = Callable[[Step], list[list[str]]]
"""For each demo of a step, the seeds or verdicts that it comes from."""


@dataclasses.dataclass(frozen=True)
class StepView:
    """A step before and after compiling; `after` is None where nothing was compiled."""

    name: str
    before: Prompt
    after: Prompt | None

    @property
    def changes(self) -> list[Change]:
        """From the prompt as written to the compiled one."""
        return word_diff(_text(self.before), _text(self.after or self.before))

    @property
    def is_changed(self) -> bool:
        return self.after is not None and _text(self.after) != _text(self.before)


def prompts_section(
    made: Sequence[MadeWith], recipe: str, options: Mapping[str, Any], seeds: SeedsOf, *, texts: bool
) -> Section | None:
    """The prompts of every teacher's program; None where no program was kept. `texts`: whether the prompts themselves
    are shown, whose demos hold passages of documents."""
    steps = [step for program in made for step in _steps(program, recipe, options, seeds, named=len(made) > 1)]
    if not steps:
        return None
    headings = ("step", "format as written", "compiled to", "demos", "of seeds", "tokens as written", "tokens compiled")
    figure = Figure(_caption(made, steps), Table(headings, [*map(_line, steps)]))
    return Section("Prompts", QUESTION, [figure], "prompts.html" if texts else None, steps, tables_open=True)


def run_seeds(run: RunFolder) -> SeedsOf:
    """The seeds behind the demos of a run's programs, by the run's own journal."""
    with contextlib.suppress(UserError), contextlib.closing(Records(run.journal)) as records:
        known = records.made_with(run.report.get("setup", "")).get("steps", {})
        demos = {tuple(demo["texts"]): demo["seeds"] for step in known.values() for demo in step["demos"]}
        return lambda step: [demos.get(tuple(strings_of(demo)), []) for demo in step.demos]
    return lambda step: [[] for _ in step.demos]


def _steps(made: MadeWith, recipe: str, options: Mapping[str, Any], seeds: SeedsOf, *, named: bool) -> list[StepView]:
    """The steps of one teacher's program; `named`: with the teacher before each name."""
    before = _prompts(recipe, options, made.uncompiled, seeds)
    after = _prompts(recipe, options, made.compiled, seeds)
    prefix = f"{made.teacher}: " if named else ""
    return [StepView(prefix + name, before[name], after.get(name)) for name in before]


def _prompts(
    recipe: str, options: Mapping[str, Any], state: dict[str, Any] | None, seeds: SeedsOf
) -> dict[str, Prompt]:
    """The prompt of each step of a program in this state; empty without one."""
    if state is None:
        return {}
    program: Program = recipes()[recipe].program(recipes()[recipe].options(**options))
    program.load_state(state)
    return {name: prompt(name, step, seeds(step)) for name, step in program.named_predictors()}


def _caption(made: Sequence[MadeWith], steps: Sequence[StepView]) -> str:
    if not any(step.after for step in steps):
        return "The prompts are as written: nothing was compiled."
    changed = sum(step.is_changed for step in steps)
    before = sum(step.before.tokens for step in steps)
    after = sum((step.after or step.before).tokens for step in steps)
    unused = [program.manifest.why for program in made if program.manifest and program.manifest.ships == "uncompiled"]
    lenders = dict.fromkeys(program.compiled_for for program in made if program.compiled_for != program.teacher)
    lent = "".join(f" They were compiled for {alias}." for alias in lenders)
    use = f" The run used them as written nevertheless: {'; '.join(unused)}." if unused else ""
    return (
        f"Compiling changed the prompts of {changed} of {len(steps)} steps; together they take about {after:,} tokens, "
        f"and {before:,} as written, without the inputs.{lent}{use}"
    )


def _line(step: StepView) -> tuple[str, ...]:
    demos = (step.after or step.before).demos
    seeds = "; ".join(" or ".join(ids) or "no seed's" for ids in demos) or "none"
    format, tokens = (step.after.format, f"{step.after.tokens:,}") if step.after else ("not compiled", "not compiled")
    return step.name, step.before.format, format, str(len(demos)), seeds, f"{step.before.tokens:,}", tokens


def _text(prompt: Prompt) -> str:
    return "\n\n".join(f"[{message['role']}]\n{message['text']}" for message in prompt.messages)
