"""Rows of any kind have figures, also those without a prompt or without documents."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest
from support.run_folders import write_run

from programs.core.row import Candidate
from programs.labels.label_to_text import TextForLabel
from programs.preferences.ultrafeedback import RatedPair
from programs.qa.dialogue import Dialogue, Turn
from programs.texts.tiny_stories import Story
from seedbed.reports.html.figures.shape import shape
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.svg import svg

TEXT = "The cat sat on the mat for the time being"
MAKERS: dict[str, Callable[[int], Candidate]] = {
    "dialogue": lambda n: Dialogue(
        passage=TEXT, exchanges=[Turn(kind="open", message=f"Where does cat {n} sit?", answer="On the mat.")]
    ),
    "ultrafeedback": lambda n: RatedPair(
        instruction=f"Seat cat {n}.",
        chosen_answer="It sits.",
        rejected_answer="No.",
        score_chosen=4.5,
        score_rejected=2,
    ),
    "tiny-stories": lambda n: Story(story=f"{TEXT} {n}."),
    "label-to-text": lambda n: TextForLabel(task="T", label="cats", text=f"{TEXT} {n}."),
}


@pytest.mark.parametrize("recipe", MAKERS)
def test_rows_of_every_kind_have_figures(recipe: str, tmp_path: Path) -> None:
    candidates = [MAKERS[recipe](number) for number in range(30)]
    run = RunFolder(
        write_run(
            tmp_path / "ds", recipe, candidates[:12], fallen=[(row, "too short") for row in candidates[12:]], options={}
        )
    )
    made = shape(run)
    assert made
    assert {row[0] for row in made.table.rows} >= {"words of the response, accepted", "words of the response, rejected"}
    for name in ("funnel", "along", "scores", "parts", "cost"):
        figure = getattr(importlib.import_module(f"seedbed.reports.html.figures.{name}"), name)(run)
        assert figure
        assert figure.chart is None or "<svg" in svg(figure.chart)
