"""Finds the files that sources name: what is read, what is not, and links to folders."""

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
class Found:
    """Files of an understood suffix, other files, and folders that are links, which are not looked into."""

    files: set[Path] = field(default_factory=set)
    others: set[Path] = field(default_factory=set)
    links: set[Path] = field(default_factory=set)


def find_documents(where: str | list[str], base: Path) -> list[Path]:
    """The files of an understood suffix in `where`, sorted: folders (to the bottom), globs or files.

    Paths are taken from `base`; hidden files and folders are left out, and so is what a run wrote into a folder, unless
    the entry names that very folder or file. Raises UserError for an entry that is not there or holds no such file.
    """
    return sorted(find(where, base).files)


def find(where: str | list[str], base: Path) -> Found:
    """Likewise, with what else is there."""
    found = Found()
    for entry in [where] if isinstance(where, str) else where:
        try:
            _find(entry, base, found)
        except OSError as error:
            raise UserError(
                f"{error.filename or entry} cannot be looked into: {error.strerror}.", hint="Mend its permissions."
            ) from error
    return Found(_once(found.files), _once(found.others), _once(found.links))


def _find(entry: str, base: Path, found: Found) -> None:
    name = _at_home(entry)
    place = base / name
    if place.is_dir():
        files = [path for path in place.rglob("*") if not _hidden(path.relative_to(place))]
        found.links |= {path for path in files if path.is_symlink() and path.is_dir()}
    else:
        matches = glob.glob(str(name), root_dir=base, recursive=True)  # noqa: PTH207
        files = [place] if place.exists() else [base / match for match in matches]
    if place.is_dir() or not place.exists():
        files = _not_of_runs(files, place if place.is_dir() else base)
    here = {path for path in files if _is_file(path)}
    understood = {path for path in here if path.suffix.lower() in (*SUFFIXES, *TABLES)}
    if not understood:
        what = "There is nothing Seedbed can read in" if files or place.exists() else "Nothing was found at"
        raise UserError(f"{what} {entry!r}, looked for in {base.resolve()}", hint=UNDERSTOOD)
    found.files |= understood
    found.others |= here - understood


def _at_home(entry: str) -> Path:
    """A path with the home for its `~`; one that begins with a tilde and names nobody's home stays as it is."""
    try:
        return Path(entry).expanduser()
    except RuntimeError:
        return Path(entry)


def _once(paths: Iterable[Path]) -> set[Path]:
    """Each once, also where the way to it differs, as of `a.txt` and `../folder/a.txt`."""
    return {*{os.path.abspath(path): path for path in sorted(paths)}.values()}  # noqa: PTH100 - links stay links


def _not_of_runs(files: list[Path], top: Path) -> list[Path]:
    """Without what runs wrote: their own card and rows are no documents. The folder `top` and those above it may hold
    a run all the same."""

    @functools.cache
    def of_run(folder: Path) -> bool:
        return folder not in (top, folder.parent) and ((folder / JOURNAL).is_file() or of_run(folder.parent))

    return [path for path in files if not of_run(path.parent)]


def _is_file(path: Path) -> bool:
    """A file, or a link to nothing or to itself, which is to be named; no folder or pipe."""
    return path.is_file() or not path.exists()


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
