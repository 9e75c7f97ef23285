"""The `seedbed` command. `main(argv)` returns the exit code: 0 done, 1 fell short, 2 your mistake, 3 a model failed."""

import inspect
import sys
from collections.abc import Sequence

import typer

from seedbed.cli import (
    calibrate,
    doctor,
    estimate,
    evaluate,
    explain,
    export,
    init,
    label,
    models,
    pairs,
    preview,
    prompt,
    recipes,
    report,
    run,
)
from seedbed.cli import compile as compiling
from seedbed.errors import INTERRUPTED, BudgetReached, TeacherDown, UserError, exit_code, is_model_error
from seedbed.models.refused import mend
from seedbed.terminal import readable

app = typer.Typer(
    help="Training data from your documents and a few labelled seeds: prompts are compiled, rows are measured.\n\n"
    "Start with: seedbed init my-data; cd my-data; seedbed compile; seedbed run --rows 20 --out dataset",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 stopped short of what was asked, 2 a mistake to fix, 3 a model failed, "
    "130 interrupted.",
)


def paragraphs(docstring: str | None) -> str:
    """A docstring with one line a paragraph: typer keeps the line breaks of all but the first, and wraps them again."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(docstring or "").split("\n\n"))


for command in (
    init.init,
    calibrate.calibrate,
    compiling.compile,
    run.run,
    pairs.pairs,
    export.export,
    preview.preview,
    estimate.estimate,
    prompt.prompt,
    explain.explain,
    report.report,
    label.label,
    evaluate.evaluate,
    recipes.recipes,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(models.app, name="models")
app.command(hidden=True)(models.teachers)
for registered in (*app.registered_commands, *models.app.registered_commands):
    registered.help = paragraphs(registered.callback.__doc__)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; mistakes are printed without a traceback."""
    try:
        code = app(list(argv) if argv is not None else None, standalone_mode=False)
    except (UserError, BudgetReached, TeacherDown) as error:
        return _say(f"{error}\n  {error.hint}", error.code)
    except (typer.TyperException, typer.Abort) as error:
        if hasattr(error, "show"):
            error.show()
        return int(getattr(error, "exit_code", INTERRUPTED))
    except Exception as error:
        if not is_model_error(error):
            raise
        message = str(error).splitlines()[0]
        again = "Run the same command again; finished calls are kept."
        return _say(f"a call failed: {message}\n  {mend(message) if _is_refused(error) else again}", exit_code(error))
    if code == INTERRUPTED:
        return _say("Interrupted. Finished calls are kept: the same command goes on from here.", code)
    return int(code or 0)


def _is_refused(error: Exception) -> bool:
    """Whether the server refused the request itself."""
    return isinstance(error, sys.modules["dspy.utils.exceptions"].LMInvalidRequestError)


def _say(text: str, code: int) -> int:
    print(f"seedbed: {readable(text)}", file=sys.stderr)
    return code


def entry() -> None:
    """The console script. The process exits at once, without waiting for model servers or worker threads."""
    import os

    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
