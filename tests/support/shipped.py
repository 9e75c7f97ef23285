"""The data that ships with a recipe."""

from pathlib import Path
from typing import Any

from support.paths import DATA

from metrics.calibration.verdicts import LabelledCase
from optimize.seeds import read_lines
from programs.core.recipe import Recipe


def seeds_of(recipe: Recipe) -> list[Any]:
    """Its seeds, as its class of seeds reads them."""
    return read_lines(_file(recipe, "seeds"), recipe.seed.model_validate_json)


def verdicts_of(recipe: Recipe) -> list[LabelledCase]:
    """Its verdicts; none where it ships none."""
    path = _file(recipe, "verdicts")
    return read_lines(path, LabelledCase.model_validate_json) if path.exists() else []


def _file(recipe: Recipe, name: str) -> Path:
    return DATA / recipe.folder / f"{name}.jsonl"
