"""The data that ships with a recipe."""

from pathlib import Path
from typing import Any

import dspy
from support.paths import DATA
from support.recipes import request

from metrics.calibration.verdicts import LabelledCase
from optimize.seeds import read_lines
from programs.core.recipe import Recipe
from programs.core.row import Source
from seedbed.sources.labels import read_labels


def seeds_of(recipe: Recipe) -> list[Any]:
    """Its seeds, as its class of seeds reads them."""
    return read_lines(_file(recipe, "seeds"), recipe.seed.model_validate_json)


def verdicts_of(recipe: Recipe) -> list[LabelledCase]:
    """Its verdicts; none where it ships none."""
    path = _file(recipe, "verdicts")
    return read_lines(path, LabelledCase.model_validate_json) if path.exists() else []


def sources_of(recipe: Recipe) -> list[Source]:
    """The labels that ship with a recipe that reads labels; no sources of other recipes."""
    if recipe.reads != "labels":
        return []
    return [*read_labels(request(recipe, DATA / recipe.folder, labels="labels.yaml")).sources]


def examples_of(recipe: Recipe) -> dict[str, list[dspy.Example]]:
    """The examples that its shipped seeds give each step."""
    labels = [sources_of(recipe)] if recipe.reads == "labels" else []
    return recipe.examples(seeds_of(recipe), recipe.options(), *labels)


def _file(recipe: Recipe, name: str) -> Path:
    return DATA / recipe.folder / f"{name}.jsonl"
