"""Recipes that are made for a test, and requests for what they read."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from programs.core.recipe import Recipe, recipes
from seedbed.config.load import Config
from seedbed.sources.source_set import Request

BARE = {"models": {"t": {"model": "scripted/teacher.py"}}, "roles": {"teacher": "t"}, "seeds": "seeds.jsonl"}


def recipe_that(**changes: Any) -> Recipe:
    """A recipe that is like grounded-qa but for these parts."""
    return dataclasses.replace(recipes()["grounded-qa"], **{"name": "made-for-a-test", **changes})


def register(patch: pytest.MonkeyPatch, recipe: Recipe) -> Recipe:
    """Have the recipe found by its name until the test ends."""
    module = f"made.{recipe.name}"
    patch.setitem(sys.modules, module, SimpleNamespace(RECIPE=recipe))  # type: ignore[arg-type]
    patch.setitem(recipes()._modules, recipe.name, module)
    return recipe


def request(recipe: Recipe, base: Path, seeds: Sequence[Any] = (), lists: Any = (), **sources: Any) -> Request:
    """The request of a recipe with these keys of `sources`."""
    config = Config.model_validate({**BARE, "recipe": recipe.name, "sources": sources})
    return Request(recipe, config, base, lambda: seeds, dict(lists))
