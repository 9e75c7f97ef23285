"""What can go wrong, in words for people: what happened, why, and the one thing to do next."""

import sys

FELL_SHORT, MISTAKE, MODEL_FAILED, INTERRUPTED = 1, 2, 3, 130  # exit codes


class UserError(Exception):
    """A mistake the user can mend. Printed alone, without a traceback."""

    code = MISTAKE

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


class NoPassage(UserError):
    """The sources were read, and nothing in them makes a passage: what was asked for cannot be begun."""

    code = FELL_SHORT

    def __init__(self, what: str) -> None:
        super().__init__(
            what,
            hint="Lower sources.shortest, or join short rows: sources.text takes several columns, or a template.",
        )


class Unreadable(Exception):
    """A file holds no text that can be used; the message says why, in a few words."""


class TeacherDown(BaseException):
    """A model cannot be reached or will not have us: no row can succeed, so the whole work stops.

    Not an `Exception`, on purpose: DSPy's evaluators turn every Exception into a score of 0, and a dead
    endpoint is not a bad program.
    """

    code = MODEL_FAILED

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


class BudgetReached(BaseException):
    """A hard cap leaves no room for the next call: the work stops with what it has.

    Not an `Exception`, for the reason TeacherDown has.
    """

    code = FELL_SHORT
    hint = "Raise it and run the same command again; finished calls are kept."


def is_model_error(error: BaseException) -> bool:
    """Whether DSPy says that a model call failed; asked without importing it."""
    errors = sys.modules.get("dspy.utils.exceptions")
    return errors is not None and isinstance(error, errors.LMError)


def exit_code(error: BaseException) -> int:
    """The exit code of a command that ends with this error."""
    if isinstance(error, (UserError, BudgetReached, TeacherDown)):
        return error.code
    return MODEL_FAILED if is_model_error(error) else FELL_SHORT
