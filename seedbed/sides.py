"""The sides of a split as they were dealt: `compiled/split.json`, which keeps them when documents are added."""

import json
from collections.abc import Mapping, Set
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from programs.whole import write_whole
from seedbed.errors import UserError


class Sides(BaseModel):
    """Names by their side. `share`, `folds`: what the deal was for; another one is dealt anew."""

    model_config = ConfigDict(extra="forbid")
    share: float
    folds: bool
    held_out: list[str]
    open: list[str]

    def are_for(self, share: float, folds: bool) -> bool:
        """Whether they were dealt for these settings."""
        return (self.share, self.folds) == (share, folds)

    def groups(self, copies: Mapping[str, str]) -> dict[str, bool]:
        """Whether each group was held out; of copies that were dealt apart what was open stays open."""
        kept = {copies.get(name, name): True for name in self.held_out}
        return kept | {copies.get(name, name): False for name in self.open}


def sides_of(groups: Set[str], held_out: Set[str], copies: Mapping[str, str], share: float, folds: bool) -> Sides:
    """The sides of these groups and of all names that their documents have."""
    names = groups | copies.keys()
    held = {name for name in names if copies.get(name, name) in held_out}
    return Sides(share=share, folds=folds, held_out=sorted(held), open=sorted(names - held))


def read_sides(path: Path, recipe: str) -> Sides | None:
    """The sides of a recipe; None where nothing was dealt. Raises UserError for a file that is damaged."""
    try:
        found = json.loads(path.read_bytes()).get(recipe)
        return found and Sides.model_validate(found)
    except FileNotFoundError:
        return None
    except (ValueError, AttributeError, ValidationError) as error:
        raise _unusable(path, "is damaged", "Put it back, or remove it and compile again.") from error
    except OSError as error:
        raise _unusable(path, f"cannot be read: {error.strerror}", "Mend its permissions.") from error


def write_sides(path: Path, recipe: str, sides: Sides) -> None:
    """Write the sides of a recipe down beside those of others. Raises UserError where they cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        others = json.loads(path.read_bytes()) if path.is_file() else {}
        text = json.dumps(others | {recipe: sides.model_dump()}, indent=1, sort_keys=True) + "\n"
        write_whole(path, lambda aside: aside.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise _unusable(path, f"cannot be written: {error.strerror}", "Make room and run it again.") from error


def _unusable(path: Path, why: str, hint: str) -> UserError:
    return UserError(f"{path} {why}.", hint=hint)
