"""Errors in words for people: what happened, why, and what to do next."""

import sys

FELL_SHORT, MISTAKE, MODEL_FAILED, INTERRUPTED = 1, 2, 3, 130  # exit codes


class UserError(Exception):
    """A mistake that the user can fix. Printed without a traceback."""

    code = MISTAKE

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class NoPassage(UserError):
    """The sources were read, but contain no passage, so the work cannot start."""

    code = FELL_SHORT

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            hint="Lower sources.shortest, or join short rows: sources.text takes several columns, or a template.",
        )


class Unreadable(Exception):
    """A file has no usable text; the message says why, in a few words."""


class TeacherDown(BaseException):
    """A model cannot be reached or rejects us: no row can succeed, so all work stops.

    Not an `Exception`, on purpose: DSPy's evaluators turn every Exception into a score of 0, and a dead
    endpoint is not a bad program.
    """

    code = MODEL_FAILED

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class BudgetReached(BaseException):
    """A hard cap leaves no room for the next call: the work stops and keeps its results.

    Not an `Exception`, for the same reason as TeacherDown.
    """

    code = FELL_SHORT
    hint = "Raise it and run the same command again; finished calls are kept."


def is_model_error(error: BaseException) -> bool:
    """Whether this is DSPy's error for a failed model call; does not import DSPy."""
    errors = sys.modules.get("dspy.utils.exceptions")
    return errors is not None and isinstance(error, errors.LMError)


def exit_code(error: BaseException) -> int:
    """The exit code of a command that ends with this error."""
    if isinstance(error, (UserError, BudgetReached, TeacherDown)):
        return error.code
    return MODEL_FAILED if is_model_error(error) else FELL_SHORT
