"""A compile says when it has nothing to rank rows by, and which seeds would be rejected as rows."""

import asyncio
from pathlib import Path

from support.bags import embed
from support.kettle import METRIC, PASSAGE
from support.projects import project

from metrics.metric import Bars, Metric
from programs.core.recipe import recipes
from programs.judges.judge import JUDGES
from programs.qa.grounded_qa import QASeed
from seedbed.cli.main import main
from seedbed.compiling.ranking import nothing_to_rank, seed_faults


def test_a_recipe_without_labels_and_judges_has_nothing_to_rank_by() -> None:
    recipe = recipes()["self-instruct"]
    (note,) = nothing_to_rank(Metric(recipe, embed, Bars()), ["propose_instructions", "is_classification"])
    assert "nothing ranks the rows of propose_instructions" in note
    assert nothing_to_rank(Metric(recipe, embed, Bars(), judges=[JUDGES["curation"]()]), ["propose_instructions"]) == []
    assert nothing_to_rank(Metric(recipe, embed, Bars()), ["is_classification"]) == []
    assert nothing_to_rank(METRIC, ["ask_question"]) == []


def test_a_seed_that_the_gates_reject_is_named() -> None:
    question = "How much water does the K3 kettle hold at the MAX line?"
    seeds = [
        QASeed(id="good", source="k", document=PASSAGE, question=question, answer="1.7 litres"),
        QASeed(id="wrong", source="k", document=PASSAGE, question=question.replace("MAX", "MIN"), answer="0.9 litres"),
        QASeed(
            id="silent",
            source="k",
            document=PASSAGE,
            question="How long does the K3 heat water?",
            answer=None,
        ),
    ]
    (note,) = asyncio.run(seed_faults(METRIC, seeds))
    assert note == "1 of 3 seeds would be rejected as rows: wrong (wrong number)"
    assert asyncio.run(seed_faults(METRIC, [seeds[0], seeds[2]])) == []


def test_a_compile_says_both(tmp_path: Path, capsys: object) -> None:
    folder = project(tmp_path / "p", "self-instruct")
    main(["compile", "--config", str(folder / "seedbed.yaml"), "--set", "compile.budget=quick"])
    said = " ".join(capsys.readouterr().err.split())  # type: ignore[attr-defined]
    assert "nothing ranks the rows of" in said
    assert "seeds would be rejected as rows: si-022" in said
