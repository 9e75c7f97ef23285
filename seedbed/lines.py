"""A file of labelled lines, read for people: every bad line is told at once."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from optimize.seeds import BadLines, read_lines
from seedbed.errors import UserError

Line = TypeVar("Line", bound=BaseModel)


def labelled_lines(path: Path, parse: Callable[[bytes], Line], *, missing: str) -> list[Line]:
    """The labelled lines of a file. Raises UserError naming every bad line; `missing` is the hint for no file."""
    try:
        return read_lines(path, parse)
    except BadLines as error:
        shown = "\n".join(f"  {problem}" for problem in error.problems[:20])
        more = f"\n  and {len(error.problems) - 20} more" if len(error.problems) > 20 else ""
        raise UserError(f"{error}:\n{shown}{more}", hint="Mend these lines and run the command again.") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.", hint=missing) from error
