"""Describes how a run's rows are made. Stored once in its journal, so that every row can be explained later."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from metrics.metric import Metric
from programs.core.program import Program
from programs.core.step import Step
from programs.judges.judge import Judge
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.project.project import Project

TELLING = 12  # characters from which an equal text is not a coincidence

_LABEL = re.compile(r"^(?:\d+\.|[A-Z][\w ]*:)\s+")


def provenance(project: Project, cascade: Sequence[TeacherProgram], metric: Metric) -> dict[str, Any]:
    """Recipe, models, hashes, and every step with its demos and the seeds or verdicts that these come from.

    In a cascade, the names of the steps of later teachers begin with the teacher.
    """
    labelled, first = [*project.inputs.seeds, *project.inputs.verdicts], cascade[0]
    steps = {
        name if member is first else f"{member.teacher} {name}": (member.teacher, step)
        for member in cascade
        for name, step in member.program.named_predictors()
    }
    judges = project.config.roles.named()["judge"]
    steps |= {name: (judges, step) for name, step in judging_steps(metric.judges).items()}
    return {
        "recipe": project.recipe.name,
        "teacher": first.teacher,
        "models": {alias: entry.model for alias, entry in project.config.models.items()},
        "program": first.carried["program"],
        "metric": first.carried["metric"],
        "judges": [judge.aspect for judge in metric.judges],
        "steps": {
            name: {
                "asks": step.asked.__name__,
                "of": alias,
                "demos": [
                    {"seeds": seeds, "texts": strings_of(demo)}
                    for demo, seeds in zip(step.demos, shown_seeds(step, labelled), strict=True)
                ],
            }
            for name, (alias, step) in steps.items()
        },
    }


def named_steps(program: Program, judges: Iterable[Judge]) -> dict[str, Step]:
    """Every predictor of a program and its judges, by the name shown to people."""
    return dict(program.named_predictors()) | judging_steps(judges)


def judging_steps(judges: Iterable[Judge]) -> dict[str, Step]:
    """Every predictor of the judges."""
    return {
        f"judge {judge.aspect}" + ("" if name == "judge" else f" {name}"): step
        for judge in judges
        for name, step in judge.named_predictors()
    }


def shown_seeds(step: Step, labelled: Sequence[Any]) -> list[list[str]]:
    """For each demo of a step, the ids of the labelled lines that it comes from.

    These are the lines that share with it a text which no other line has, such as a question. If there are none, for
    example if a teacher wrote about a passage of several seeds, they are the lines that share any text with it.
    """
    named = [line for line in labelled if line.id]
    texts = [(line.id, {text for text in strings_of(dict(line)) if len(text) >= TELLING}) for line in named]
    counts = Counter(text for _, line_texts in texts for text in line_texts)
    seeds = []
    for demo in step.demos:
        demo_texts = _demo_texts(demo)
        own = [id for id, line_texts in texts if any(counts[text] == 1 for text in line_texts & demo_texts)]
        seeds.append(own or [id for id, line_texts in texts if line_texts & demo_texts])
    return seeds


def strings_of(values: Mapping[str, Any]) -> list[str]:
    """The texts among the values of a line or a demo, including those in lists."""
    return [
        text
        for value in dict(values).values()
        for text in (value if isinstance(value, list) else [value])
        if isinstance(text, str)
    ]


def _demo_texts(demo: Mapping[str, Any]) -> set[str]:
    """Every text of a demo, each of its lines, and each line without its number or its label."""
    texts = strings_of(demo)
    lines = [line for text in texts for line in text.splitlines()]
    return {*texts, *lines, *(_LABEL.sub("", line) for line in lines)}
