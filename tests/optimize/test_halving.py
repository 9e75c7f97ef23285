"""A search decides on enough examples, by what tells ways of asking apart where hardly a row is accepted."""

import asyncio
import itertools
from collections.abc import Callable

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.searched import RECIPE, Spoken, seeds

from metrics.metric import Bars, Metric
from metrics.worth import HOPE, Worth
from optimize.search import StepSearch, replies
from optimize.search_size import SIZES
from programs.core.background import run_sync
from programs.core.row import Drop
from programs.qa.grounded_qa import QA, GroundedQA
from seedbed.models.hashed_words import hashed_words as embed
from seedbed.models.lm import TeacherLM

Says = Callable[[str, str, str], str]  # the format, the field that is asked for, the prompt -> its text


def model(says: Says) -> TeacherLM:
    """A model that reads every format and says what it is told to."""

    def reply(prompt: str) -> str:
        answering = "shortest part" in prompt or "Answer the question" in prompt or "Answer from" in prompt
        format = "json" if "JSON" in prompt else "chat" if "[[ ##" in prompt else "compact"
        field = "answer" if answering else "question"
        said = says(format, field, prompt)
        return {"json": f'{{"{field}": "{said}"}}', "chat": f"[[ ## {field} ## ]]\n{said}"}.get(format, said)

    return TeacherLM("small", Spoken(reply))  # type: ignore[arg-type]


def winner(says: Says, step: str = "ask_question") -> tuple[str, list[str]]:
    """The format that a search over the step ends with, and what it said."""
    program, said = GroundedQA(), list[str]()
    with dspy.context(lm=model(says)):
        metric = Metric(RECIPE, embed, Bars(relevance=0.05))
        examples = RECIPE.examples(seeds(), RECIPE.options())[step]
        search = StepSearch(program, step, examples, metric, SIZES["light"], say=said.append)
        run_sync(search.run("labeled"))
    return program.step(step).format, said


QUESTION, ANSWER = "How many windows does the house have to the yard?", "The house has windows to the yard."


@pytest.mark.parametrize("good", ["chat", "json", "compact"])
def test_a_question_is_scored_by_the_answer_that_follows_it(good: str) -> None:
    """The same question in every format; what differs is asked next, and every format asks it in its own words."""
    asked = {format: QUESTION.replace("How many", word) for format, word in zip(FORMATS, WORDS, strict=True)}

    def says(format: str, field: str, prompt: str) -> str:
        return asked[format] if field == "question" else ANSWER

    class Following(GroundedQA):
        async def follow(self, name: str, candidate: QA) -> None:  # type: ignore[override]
            candidate.answer = ANSWER if candidate.question == asked[good] else "Nobody knows."

    program = Following()
    with dspy.context(lm=model(says)):
        metric = Metric(RECIPE, embed, Bars(relevance=0.05))
        examples = RECIPE.examples(seeds(), RECIPE.options())["ask_question"]
        run_sync(StepSearch(program, "ask_question", examples, metric, SIZES["light"]).run("labeled"))
    assert program.ask_question.format == good


FORMATS, WORDS = ("chat", "json", "compact"), ("What", "Which", "What kind of")


@pytest.mark.parametrize("read", FORMATS)
def test_where_no_row_is_accepted_the_way_that_can_be_read_wins(read: str) -> None:
    """All questions are vetoed; in one format they are questions at least, in the others nothing is said."""
    format, _ = winner(lambda format, field, prompt: "What is the main idea of the text?" if format == read else "")
    assert format == read


def test_the_search_keeps_every_variant_of_every_race() -> None:
    program, size = GroundedQA(), SIZES["light"]
    with dspy.context(lm=model(lambda format, field, prompt: QUESTION if field == "question" else ANSWER)):
        metric = Metric(RECIPE, embed, Bars(relevance=0.05))
        examples = RECIPE.examples(seeds(), RECIPE.options())["ask_question"]
        search = StepSearch(program, "ask_question", examples, metric, size)
        run_sync(search.run("labeled"))
    races = {stage: list(laps) for stage, laps in itertools.groupby(search.laps, lambda lap: lap.stage)}
    assert list(races) == list(range(1, len(races) + 1))
    assert {lap.variant for lap in races[1]} >= {"chat, 0 demos", "json, 0 demos", "compact, 0 demos"}
    for stage, laps in races.items():
        assert len({lap.n for lap in laps}) == 1
        kept = {lap.variant for lap in laps if lap.kept}
        assert kept == {lap.variant for lap in laps[: len(kept)]}
        if len(kept) > 1:
            assert kept == {lap.variant for lap in races[stage + 1]}
    assert search.laps[-1].replies == sum(lap.n for lap in search.laps)
    assert [lap.variant for lap in search.laps if lap.kept][-1] == search.best.name


def test_the_search_says_whether_the_next_best_is_worse_or_only_behind() -> None:
    _, said = winner(lambda format, field, prompt: QUESTION if field == "question" else ANSWER)
    assert all("no measurable difference to" in line for line in said)
    _, said = winner(lambda format, field, prompt: ANSWER if "shortest part" in prompt else "", "answer_question")
    assert any("wording 3, on 8), ahead of" in line for line in said)


@given(st.integers(2, 12), st.integers(2, 6), st.sampled_from(sorted(SIZES)))
def test_a_race_scores_no_more_replies_than_its_progress_was_told(formats: int, wordings: int, name: str) -> None:
    size = SIZES[name]
    assert replies(size, formats, wordings) >= formats * size.rungs[0] + 2 * size.select


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_row_that_was_dropped_promises_less_the_less_it_had_for_it_and_more_than_nothing(a: float, b: float) -> None:
    drop = Drop(step="veto", reason="off topic")
    one, other = (Worth(score=0, chance=chance, drop=drop).promise for chance in (a, b))
    assert 0 < one <= HOPE
    assert (one <= other) == (a <= b) or one == pytest.approx(other)


def test_what_a_veto_drops_in_a_search_is_told_its_chance() -> None:
    metric = Metric(RECIPE, embed, Bars(relevance=0.05))
    row = QA(passage=seeds()[0].document, question="What is the main idea of the text?", answer="Windows to the yard.")
    worth = asyncio.run(metric.weighed(row))
    assert worth.drop
    assert (worth.score, 0 < worth.chance < 1) == (0.0, True)
