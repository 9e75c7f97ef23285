"""The sides of a split as they were dealt: `compiled/split.json`, which keeps them when documents come and go."""

import json
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from programs.core.whole import write_whole
from seedbed.errors import UserError

FILE = "compiled/split.json"


class Sides(BaseModel):
    """Names by their side. `share`, `folds`: what the deal was for; with other ones names are dealt anew."""

    model_config = ConfigDict(extra="forbid")
    share: float
    folds: bool
    held_out: list[str]
    open: list[str]

    @property
    def terms(self) -> tuple[float, bool]:
        """What the deal was for."""
        return self.share, self.folds

    def groups(self, copies: Mapping[str, str]) -> dict[str, bool]:
        """Whether each group was held out; of copies that were dealt apart what was open stays open."""
        kept = {copies.get(name, name): True for name in self.held_out}
        return kept | {copies.get(name, name): False for name in self.open}

    def before(self, newer: "Sides") -> "Sides":
        """The newer sides, and for names that are not there now, which may come back, their older ones."""
        return newer.model_copy(
            update={
                "held_out": sorted({*newer.held_out, *self.held_out}.difference(newer.open)),
                "open": sorted({*newer.open, *self.open}.difference(newer.held_out)),
            }
        )


def sides_of(groups: Set[str], held_out: Set[str], copies: Mapping[str, str], share: float, folds: bool) -> Sides:
    """The sides of these groups and of all names that their documents have."""
    names = groups | copies.keys()
    held = {name for name in names if copies.get(name, name) in held_out}
    return Sides(share=share, folds=folds, held_out=sorted(held), open=sorted(names - held))


def read_sides(base: Path, recipe: str) -> list[Sides]:
    """All deals of a recipe in the project in `base`, one for each terms, the first one first. Raises UserError for a
    file that is damaged."""
    path = base / FILE
    try:
        return [Sides.model_validate(dealt) for dealt in _deals(_read(path).get(recipe, []))]
    except (ValueError, AttributeError, ValidationError) as error:
        raise _unusable(path, "is damaged", "Put it back, or remove it and compile again.") from error
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}", "Mend its permissions.") from error


def write_sides(base: Path, recipe: str, sides: Sides) -> None:
    """Write the sides of a recipe down beside those for other terms, of other recipes, and of names that are not there
    now. Raises UserError where they cannot be."""
    path = base / FILE
    older = {dealt.terms: dealt for dealt in read_sides(base, recipe)}
    deals = older | {sides.terms: older[sides.terms].before(sides) if sides.terms in older else sides}
    if deals == older:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        written = _read(path) | {recipe: [dealt.model_dump() for dealt in deals.values()]}
        text = json.dumps(written, indent=1, sort_keys=True) + "\n"
        write_whole(path, lambda aside: aside.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise _unusable(path, f"cannot be written: {error.strerror}", "Make room and run it again.") from error


def _read(path: Path) -> dict[str, Any]:
    """What stands in the file, by recipe; nothing where there is none."""
    try:
        dealt: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    return dealt


def _deals(dealt: Sequence[Any] | dict[str, Any]) -> Sequence[Any]:
    """The deals of a recipe; older versions wrote the last one alone."""
    return [dealt] if isinstance(dealt, dict) else dealt


def _unusable(path: Path, why: str, hint: str) -> UserError:
    return UserError(f"{path} {why}.", hint=hint)
