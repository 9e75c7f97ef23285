"""`seedbed compile`: judge first, then program."""

from seedbed.cli.options import (
    CONFIG,
    ConfigOption,
    JsonOption,
    SetOption,
    TeacherOption,
    open_project,
    print_json,
)


def compile(
    config: ConfigOption = CONFIG,
    teacher: TeacherOption = None,
    set: SetOption = None,
    json: JsonOption = False,
) -> None:
    """Compile the prompts against your seeds: check the judge, search every step, compare on held-out sources.

    Writes compiled/RECIPE/TEACHER.json and its manifest. Interrupted, the same command goes on where it was;
    compiled again with nothing changed, no model is called.
    """
    project = open_project(config, teacher, set)
    from programs.program import run_sync
    from seedbed.compiling import Compilation
    from seedbed.progress import Progress
    from seedbed.session import Session
    from seedbed.summary import compile_summary

    with Progress() as progress, Session(project, project.base / ".seedbed" / "journal.sqlite") as session:
        compilation = Compilation(session, progress)
        manifest = run_sync(compilation.work())
        paid = sum(tally.calls - tally.replayed for tally in session.journal.tallies.values())
    if json:
        print_json(manifest.model_dump())
    else:
        print(compile_summary(manifest, project.compiled_path(), paid))
