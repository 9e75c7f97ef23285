"""The rules of a project's own, `gates.checks`: functions in Python files, which may know what no recipe knows."""

import importlib.util
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from programs.core.row import Candidate, Drop, digest
from seedbed.errors import UserError


class UserRule:
    """A function of a project's file as a check of finished rows.

    `name` changes with the file's content, so a run's identity does too.
    """

    def __init__(self, path: Path, function: str) -> None:
        self._rule, self._place = _function(path, function), f"{path}:{function}"
        self.reason = function.replace("_", " ")
        self.name = f"{function} {digest(path.read_text(encoding='utf-8'))}"

    async def __call__(self, row: Candidate) -> Drop | None:
        """The rejection, in the function's own words. Raises UserError for a function that fails."""
        try:
            fault = self._rule(row)
            fault = await fault if inspect.isawaitable(fault) else fault
        except Exception as error:
            raise UserError(
                f"gates.checks: {self._place} failed on a row: {type(error).__name__}: {error}",
                hint="It should return what is wrong with a row, or None. Correct it, then run the command again.",
            ) from error
        return Drop(step="check", reason=self.reason, detail=str(fault)) if fault else None


def user_rules(checks: Sequence[str], base: Path) -> list[UserRule]:
    """The rules that `gates.checks` names. Raises UserError for a file or function that cannot be used."""
    rules = []
    for check in checks:
        file, colon, function = check.rpartition(":")
        if not colon or not file.endswith(".py") or not function.isidentifier():
            raise UserError(f"gates.checks: {check!r} names no function.", hint="Write it as FILE.py:FUNCTION.")
        rules.append(UserRule(base / file, function))
    return rules


def _function(path: Path, name: str) -> Callable[[Any], Any]:
    """The function of that name in a file. Raises UserError."""
    if not path.is_file():
        raise UserError(f"gates.checks: there is no {path}.", hint="Correct the path; it starts from seedbed.yaml.")
    spec = importlib.util.spec_from_file_location(f"seedbed_check_{digest(path)}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(
            f"gates.checks: {path} cannot be imported: {type(error).__name__}: {error}", hint="Correct the file."
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise UserError(f"gates.checks: {path} has no function {name}.", hint="Correct the name after the colon.")
    rule: Callable[[Any], Any] = function
    return rule
