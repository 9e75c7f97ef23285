"""Finds the files that sources name: files to read, other files, and links to folders."""

from __future__ import annotations

import functools
import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from seedbed.errors import UserError
from seedbed.sources.reading.extract import SUFFIXES

TABLES = (".csv", ".json", ".jsonl", ".parquet", ".tsv", ".xlsx")
HF = "hf://"
JOURNAL = "journal.sqlite"  # in the folder of each run
UNDERSTOOD = f"Name {', '.join(SUFFIXES)} files, {', '.join(TABLES)} tables or {HF}owner/name datasets."


@dataclass
class Matches:
    """Files with a readable suffix, other files, and links to folders, which are not searched."""

    files: set[Path] = field(default_factory=set)
    other_files: set[Path] = field(default_factory=set)
    links: set[Path] = field(default_factory=set)


def find_documents(where: str | list[str], base: Path) -> list[Path]:
    """The files with a readable suffix in `where` (folders with their subfolders, globs or files), sorted.

    Paths start from `base`. Hidden files and folders are left out. So are the files that a run wrote, unless the entry
    names its folder or file itself. Raises UserError for an entry that is not there or holds no such file.
    """
    return sorted(find(where, base).files)


def find(where: str | list[str], base: Path) -> Matches:
    """Like find_documents, with the other files and the links."""
    matches = Matches()
    for entry in [where] if isinstance(where, str) else where:
        try:
            _find(entry, base, matches)
        except OSError as error:
            raise UserError(
                f"{error.filename or entry} cannot be searched: {error.strerror}.", hint="Fix its permissions."
            ) from error
    return Matches(_once(matches.files), _once(matches.other_files), _once(matches.links))


def _find(entry: str, base: Path, matches: Matches) -> None:
    name = _at_home(entry)
    place = base / name
    if place.is_dir():
        files = [path for path in place.rglob("*") if not _hidden(path.relative_to(place))]
        matches.links |= {path for path in files if path.is_symlink() and path.is_dir()}
    else:
        names = glob.glob(str(name), root_dir=base, recursive=True)  # noqa: PTH207
        files = [place] if place.exists() else [base / path for path in names]
    if place.is_dir() or not place.exists():
        files = _not_of_runs(files, place if place.is_dir() else base)
    here = {path for path in files if _is_file(path)}
    readable = {path for path in here if path.suffix.lower() in (*SUFFIXES, *TABLES)}
    if not readable:
        problem = "There is nothing Seedbed can read in" if files or place.exists() else "Nothing was found at"
        raise UserError(f"{problem} {entry!r}, looked for in {base.resolve()}", hint=UNDERSTOOD)
    matches.files |= readable
    matches.other_files |= here - readable


def _at_home(entry: str) -> Path:
    """Replace `~` by the user's home; keep a path that begins with a tilde but names no user."""
    try:
        return Path(entry).expanduser()
    except RuntimeError:
        return Path(entry)


def _once(paths: Iterable[Path]) -> set[Path]:
    """Keep each file once, even where it has two paths, such as `a.txt` and `../folder/a.txt`."""
    return {*{os.path.abspath(path): path for path in sorted(paths)}.values()}  # noqa: PTH100 - links stay links


def _not_of_runs(files: list[Path], top: Path) -> list[Path]:
    """Leave out what runs wrote, for their card and rows are no documents. Only runs in folders below `top` count."""

    @functools.cache
    def of_run(folder: Path) -> bool:
        return folder not in (top, folder.parent) and ((folder / JOURNAL).is_file() or of_run(folder.parent))

    return [path for path in files if not of_run(path.parent)]


def _is_file(path: Path) -> bool:
    """Whether it is a file, or a broken link, which is then named as skipped; not a folder or pipe."""
    return path.is_file() or not path.exists()


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
