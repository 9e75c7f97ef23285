"""The folder of an export: written aside, and put in its place when it is whole."""

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from seedbed.errors import UserError

RECORD = "export.json"  # marks a folder as an export, and names its files, which the next one replaces


@contextlib.contextmanager
def replacing(out: Path) -> Iterator[Path]:
    """A folder to write in; its files take the place of an earlier export's at the end, if nothing failed. Other files
    stay, such as a student that was trained there.

    Raises UserError if `out` is a file or holds other files and no export, if a shard is damaged, or if the disk does
    not take it.
    """
    out = out.resolve()
    earlier = _earlier(out)
    aside = out.with_name(f".{out.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        yield aside
        for path in earlier:
            path.unlink(missing_ok=True)
        for path in sorted(path for path in aside.rglob("*") if path.is_file()):
            target = out / path.relative_to(aside)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)
    except OSError as error:
        raise UserError(f"Cannot write {out}: {error.strerror}.", hint="Make room, or name another --out.") from error
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"A shard of the run is damaged: {reason}", hint="Run its command again to write it."
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _earlier(out: Path) -> list[Path]:
    """The files of the export that is there already."""
    if not out.name or out.is_file():
        raise UserError(f"--out {out} is no folder.", hint="Name a new folder.")
    record = out / RECORD
    if record.is_file():
        return [record, *(out / name for name in json.loads(record.read_bytes())["files"])]
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} has other files in it.", hint="Name a new folder with --out.")
    return []
