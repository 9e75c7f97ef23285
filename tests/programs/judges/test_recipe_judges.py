"""The judges of a recipe: shared ones by name, and its own, each with its aspect."""

import dataclasses
from typing import Literal

import dspy
import pytest

from programs.core.recipe import recipes
from programs.core.row import Exchange
from programs.judges.judge import JUDGES, Judge, aspects_of, judges_of


class JudgeTone(dspy.Signature):
    """Is the response polite?"""

    prompt: str = dspy.InputField()
    response: str = dspy.InputField()
    verdict: Literal["yes", "no"] = dspy.OutputField()


def tone() -> Judge:
    return Judge("tone", JudgeTone)


def stricter() -> Judge:
    return Judge("relevant", JudgeTone)


RECIPE = dataclasses.replace(recipes()["lab"], judges=("pair", tone, stricter))


def test_a_recipes_own_judges_stand_beside_the_shared_ones_and_before_those_of_their_name() -> None:
    makers = judges_of(RECIPE)
    assert makers.keys() == JUDGES.keys() | {"tone"}
    assert (makers["tone"], makers["relevant"], makers["pair"]) == (tone, stricter, JUDGES["pair"])
    assert judges_of(None) == judges_of(dataclasses.replace(RECIPE, judges=("pair",))) == JUDGES


def test_aspects_are_in_the_recipes_order() -> None:
    assert aspects_of(RECIPE) == ["pair", "tone", "relevant"]


@pytest.mark.parametrize("recipe", recipes())
def test_every_recipe_names_judges_that_are_there_and_requires_none_but_these(recipe: str) -> None:
    aspects = aspects_of(recipes()[recipe])
    assert set(aspects) <= judges_of(recipes()[recipe]).keys()
    assert recipes()[recipe].required <= set(aspects)


@pytest.mark.parametrize(
    ("row", "sees"),
    [
        (Exchange(asked="Name a bird.", said="A heron."), True),
        (Exchange(asked="Name a bird."), False),
        (Exchange(said="A heron."), False),
    ],
)
def test_a_judge_sees_a_row_with_the_parts_that_it_reads(row: Exchange, sees: bool) -> None:
    assert tone().sees(row) is sees
    assert not JUDGES["grounded"]().sees(row)
    assert JUDGES["grounded"]().sees(row.model_copy(update={"text": "A heron is a bird."})) is sees
