"""Artefacts that can be told from others."""

from typing import Any

import dspy

from metrics.calibration.frozen import uncalibrated
from optimize import artefact
from optimize.artefact import Artefact, Manifest
from programs.core.recipe import recipes
from programs.judges.judge import JUDGES

RECIPE = recipes()["grounded-qa"]


def made(name: str, **changes: Any) -> Artefact:
    """An artefact that can be told from others by its demos, in the program and in its judge."""
    compiled, judge = RECIPE.program(), JUDGES["grounded"]()
    compiled.step("ask_question").demos = [dspy.Example(document="d", question=name)]
    judge.judge.demos = [dspy.Example(question=name)]
    manifest = Manifest(
        recipe=RECIPE.name,
        teacher="small",
        identity="model",
        signatures=artefact.signatures_hash(RECIPE.program()),
        optimizer=name,
        optimizers={},
        settings={},
        seeds={"train": ["a"], "held_out": ["b"]},
        seeds_digest="",
        open_groups=[],
        metric="",
        steps={},
        ships="compiled",
        why="",
        calls=0,
        input_tokens=0,
        output_tokens=0,
        versions={},
        state=artefact.state_hash(compiled),
    )
    return Artefact(compiled, RECIPE.program(), uncalibrated([judge], ""), manifest.model_copy(update=changes))
