"""Reads lists, such as words or topics: a text file with one entry a line."""

from pathlib import Path

from programs.core.row import Source, digest
from seedbed.encodings import decode
from seedbed.errors import Unreadable, UserError
from seedbed.sources.source_set import Request, SourceSet
from seedbed.storage.shipped import data_folder

SHIPPED = "lists"  # the folder of the shipped lists below `data/`


def read_lists(request: Request) -> SourceSet:
    """One source per list of the recipe: its `name`, and its `items`. Raises UserError as `read_list`."""
    lists = {name: read_list(path, request.base) for name, path in request.lists.items()}
    return SourceSet(
        [
            Source(id=digest(name, *items), group=name, inputs={"name": name, "items": items}, origin={"list": name})
            for name, items in lists.items()
        ]
    )


def read_list(path: str, base: Path) -> list[str]:
    """The entries of a list, each once, in their order. Blank lines, and lines that begin with `#`, are left out.

    The path starts from `base`. `lists/NAME.txt` is the shipped list of that name if there is no such file. Raises
    UserError if there is no such list, or if it cannot be read or has no entry.
    """
    file = base / path
    if not file.is_file() and Path(path).parent == Path(SHIPPED):
        file = data_folder() / path
    try:
        lines = [line.strip() for line in decode(file.read_bytes())[0].splitlines()]
    except OSError as error:
        shipped = sorted(f"{SHIPPED}/{place.name}" for place in (data_folder() / SHIPPED).glob("*.txt"))
        hint = f"Put the file there, or name a shipped one: {', '.join(shipped)}." if shipped else "Put the file there."
        raise UserError(f"The list {path} cannot be read: {error.strerror}.", hint=hint) from error
    except Unreadable as error:
        raise UserError(f"The list {path} cannot be read: {error}.", hint="Save it as UTF-8.") from error
    entries = list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    if not entries:
        raise UserError(f"The list {path} has no entry.", hint="Write one entry a line.")
    return entries
