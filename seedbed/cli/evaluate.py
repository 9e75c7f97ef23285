"""`seedbed evaluate`: compares uncompiled with compiled programs, and teachers with each other."""

from typing import Annotated

import typer

from seedbed.cli.shared.options import CONFIG, ConfigOption, JsonOption, SetOption, open_project, print_json, print_text
from seedbed.cli.shared.supply import YesOption, supply


def evaluate(
    teachers: Annotated[str | None, typer.Option(help="Aliases to compare, as a,b; the teacher by default.")] = None,
    compile_missing: Annotated[
        bool, typer.Option("--compile-missing", help="Compile for teachers that have no compiled program.")
    ] = False,
    config: ConfigOption = CONFIG,
    set: SetOption = None,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Compare programs on passages of held-out documents, and their answers with people's on held-out seeds.

    Per teacher: the program as written, compiled for another teacher, and compiled for itself; all on the same
    passages, cut as for the first teacher, and scored by the frozen metric of that one.
    """
    named = [alias.strip() for alias in teachers.split(",")] if teachers else []
    project = open_project(config, named[0] if named else None, set)
    aliases = named or [project.config.teacher]
    supply(project.config, project.base, aliases, yes=yes)
    from seedbed.compiling.evaluate import evaluate_teachers
    from seedbed.progress import Progress
    from seedbed.reports.evaluation import evaluation_text

    with Progress() as progress:
        results = evaluate_teachers(project, aliases, progress, compile_missing=compile_missing)
    if json:
        print_json([result.model_dump() for result in results])
    else:
        print_text("\n\n".join(map(evaluation_text, results)))
