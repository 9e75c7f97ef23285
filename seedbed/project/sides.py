"""The sides of a split, stored in `compiled/split.json`, so that they stay the same when documents come and go."""

import json
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from programs.core.whole import write_whole
from seedbed.errors import UserError

FILE = "compiled/split.json"


class Sides(BaseModel):
    """Names by their side. `share`, `folds`: the settings of this split; other settings make a new split."""

    model_config = ConfigDict(extra="forbid")
    share: float
    folds: bool
    held_out: list[str]
    open: list[str]

    @property
    def terms(self) -> tuple[float, bool]:
        """The settings of this split."""
        return self.share, self.folds

    def groups(self, copies: Mapping[str, str]) -> dict[str, bool]:
        """Group -> whether it was held out. If copies were on both sides, their group stays open."""
        groups = {copies.get(name, name): True for name in self.held_out}
        return groups | {copies.get(name, name): False for name in self.open}

    def before(self, newer: "Sides") -> "Sides":
        """The newer sides, plus the older sides of names that are missing now and may come back."""
        return newer.model_copy(
            update={
                "held_out": sorted({*newer.held_out, *self.held_out}.difference(newer.open)),
                "open": sorted({*newer.open, *self.open}.difference(newer.held_out)),
            }
        )


def sides_of(groups: Set[str], held_out: Set[str], copies: Mapping[str, str], share: float, folds: bool) -> Sides:
    """The sides of these groups and of all names of their documents."""
    names = groups | copies.keys()
    held_names = {name for name in names if copies.get(name, name) in held_out}
    return Sides(share=share, folds=folds, held_out=sorted(held_names), open=sorted(names - held_names))


def read_sides(base: Path, recipe: str) -> list[Sides]:
    """All sides of a recipe in the project in `base`, one for each pair of settings, the oldest first. Raises UserError
    if the file is damaged or cannot be read."""
    path = base / FILE
    try:
        return [Sides.model_validate(entry) for entry in _entries(_read(path).get(recipe, []))]
    except (ValueError, AttributeError, ValidationError) as error:
        raise _unusable(path, "is damaged", "Put it back, or remove it and compile again.") from error
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}", "Mend its permissions.") from error


def write_sides(base: Path, recipe: str, sides: Sides) -> None:
    """Write the sides of a recipe beside those for other settings, of other recipes, and of names that are missing now.
    Raises UserError if the file cannot be written."""
    path = base / FILE
    older = {entry.terms: entry for entry in read_sides(base, recipe)}
    newer = older | {sides.terms: older[sides.terms].before(sides) if sides.terms in older else sides}
    if newer == older:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = _read(path) | {recipe: [entry.model_dump() for entry in newer.values()]}
        text = json.dumps(content, indent=1, sort_keys=True) + "\n"
        write_whole(path, lambda aside: aside.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise _unusable(path, f"cannot be written: {error.strerror}", "Make room and run it again.") from error


def _read(path: Path) -> dict[str, Any]:
    """The file's content by recipe; empty if there is no file."""
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return content


def _entries(content: Sequence[Any] | dict[str, Any]) -> Sequence[Any]:
    """The entries of a recipe; older versions wrote only the last one."""
    return [content] if isinstance(content, dict) else content


def _unusable(path: Path, why: str, hint: str) -> UserError:
    return UserError(f"{path} {why}.", hint=hint)
