"""What can go wrong, in words for people: what happened, why, and the one thing to do next."""


class UserError(Exception):
    """A mistake the user can mend. Printed alone, without a traceback; exit code 2."""

    code = 2

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


class NoPassage(UserError):
    """The sources were read, and nothing in them makes a passage: what was asked for cannot be begun; exit code 1."""

    code = 1

    def __init__(self, what: str) -> None:
        super().__init__(
            what,
            hint="Lower sources.shortest, or join short rows: sources.text takes several columns, or a template.",
        )


class TeacherDown(BaseException):
    """A model cannot be reached or will not have us: no row can succeed, so the whole work stops; exit code 3.

    Not an `Exception`, on purpose: DSPy's evaluators turn every Exception into a score of 0, and a dead
    endpoint is not a bad program.
    """

    def __init__(self, what: str, *, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


class BudgetReached(BaseException):
    """A hard cap leaves no room for the next call: the work stops with what it has; exit code 1.

    Not an `Exception`, for the reason TeacherDown has.
    """

    hint = "Raise it and run the same command again; finished calls are kept."
