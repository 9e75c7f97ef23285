"""Reads a file of labelled lines, and reports all bad lines at once."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from optimize.seeds import BadLines, read_lines
from seedbed.encodings import decode
from seedbed.errors import Unreadable, UserError
from seedbed.terminal import Say, silent

Line = TypeVar("Line", bound=BaseModel)


def labelled_files(base: Path, names: Sequence[str]) -> list[Path]:
    """The files that these paths and globs name, in their order. A glob may fit none; a path stays, so that its reader
    can say that it is missing."""
    is_glob = [any(sign in name for sign in "*?[") and not (base / name).is_file() for name in names]
    paths = [sorted(base.glob(name)) if glob else [base / name] for name, glob in zip(names, is_glob, strict=True)]
    return list(dict.fromkeys(itertools.chain(*paths)))


def labelled_lines(path: Path, parse: Callable[[bytes], Line], *, missing: str, say: Say = silent) -> list[Line]:
    """The labelled lines of a file; `say` hears of an encoding other than UTF-8. Raises UserError naming every bad
    line; `missing` is the hint for a file that cannot be opened."""
    try:
        text, encoding = decode(path.read_bytes())
        if encoding:
            say(f"read as {encoding}")
        return read_lines(path, parse, text.encode(errors="surrogatepass"))
    except Unreadable as error:
        raise UserError(f"{path.name} cannot be read: {error}.", hint="Save it as UTF-8.") from error
    except BadLines as error:
        shown = "\n".join(f"  {problem}" for problem in error.problems[:20])
        more = f"\n  and {len(error.problems) - 20} more" if len(error.problems) > 20 else ""
        raise UserError(f"{error}:\n{shown}{more}", hint="Fix these lines and run the command again.") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.", hint=missing) from error
