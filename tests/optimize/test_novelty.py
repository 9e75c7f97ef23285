"""Novelty: one safe question asked again and again must not win a race."""

import json
from pathlib import Path

import dspy
import pytest
from support.searched import RECIPE, Search, Spoken, seeds

from metrics.metric import Bars, Metric
from optimize.scoring import nearest_before
from optimize.search import StepSearch
from optimize.search_size import SIZES
from programs.core.background import run_sync
from programs.qa.grounded_qa import GroundedQA
from seedbed.models.hashed_words import hashed_words as embed
from seedbed.models.lm import TeacherLM


def one_shape(prompt: str) -> str:
    """Asked in JSON it always asks one safe question; in another format a new one each time, a little less apt."""
    name = prompt.rsplit("goes from ", 1)[1].split("burg")[0]
    if "[[ ## answer ## ]]" in prompt:
        return f"[[ ## answer ## ]]\nby {name}dorf and {name}feld\n\n[[ ## completed ## ]]"
    if "JSON" in prompt:
        return json.dumps({"question": "Where does the road go from and by, and where does it end?"})
    varied = f"Which of {name}burg, {name}dorf and {name}feld comes after {name}bach?"
    return f"[[ ## question ## ]]\n{varied}\n\n[[ ## completed ## ]]" if "[[ ##" in prompt else "none"


@pytest.mark.parametrize(("novelty", "winner"), [(0.0, "json"), (1.0, "chat")])
def test_one_safe_question_wins_only_where_novelty_counts_for_nothing(novelty: float, winner: str) -> None:
    program = GroundedQA()
    text = "The road goes from {0}burg by {0}dorf and {0}feld to {0}bach, and there does the road end."
    roads = [seed.model_copy(update={"document": text.format(seed.id)}) for seed in seeds()]
    with dspy.context(lm=TeacherLM("small", Spoken(one_shape))):  # type: ignore[arg-type]
        search = StepSearch(
            program,
            "ask_question",
            RECIPE.examples(roads, RECIPE.options())["ask_question"],
            Metric(RECIPE, embed, Bars(relevance=0.05)),
            SIZES["light"],
            novelty=novelty,
        )
        run_sync(search.run("labeled"))
    assert program.ask_question.format == winner


def test_a_row_loses_by_what_came_before_it_alone() -> None:
    nearest = nearest_before(["a red house", "a red house", "some blue sea"], embed)
    assert nearest[:2] == pytest.approx([0.0, 1.0], abs=1e-3)
    assert nearest[2] < 0.1


def test_steps_with_a_right_answer_are_not_asked_for_novelty(tmp_path: Path) -> None:
    states = []
    for novelty in (0.0, 1.0):
        search = Search(tmp_path / str(novelty), "labeled")
        search.search = StepSearch(
            search.program,
            "answer_question",
            RECIPE.examples(seeds(), RECIPE.options())["answer_question"],
            search.metric,
            SIZES["light"],
            novelty=novelty,
        )
        search.run()
        states.append(search.state)
    assert states[0] == states[1]
