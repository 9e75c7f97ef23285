"""`seedbed prompt`: prints the prompts as a model sees them."""

from typing import Annotated

import typer

from seedbed.cli.shared.options import (
    CONFIG,
    ConfigOption,
    JsonOption,
    SetOption,
    TeacherOption,
    open_project,
    print_json,
)


def prompt(
    step: Annotated[str | None, typer.Argument(help="A step or judge; all by default.", show_default=False)] = None,
    uncompiled: Annotated[bool, typer.Option("--uncompiled", help="The prompts as written.")] = False,
    config: ConfigOption = CONFIG,
    teacher: TeacherOption = None,
    set: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Print the compiled prompt of every step and judge, with <name> where an input goes. No model is opened."""
    project = open_project(config, teacher, set)
    from seedbed.reports.prompts import chosen, prompts

    all_prompts, remark = prompts(project, uncompiled=uncompiled)
    shown_prompts = chosen(all_prompts, step)
    if json:
        print_json([prompt.model_dump() for prompt in shown_prompts])
        return
    from seedbed.reports.page import Page

    page = Page()
    page.say(remark)
    for prompt in shown_prompts:
        page.prompt(prompt)
