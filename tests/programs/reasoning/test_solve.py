"""solve: what a row promises by ReST-EM, RFT and STaR, against a teacher that follows a script."""

from collections.abc import Sequence
from typing import Any

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scripted_program import Call, Reply, Scripted, Steps, in_json, teaching
from support.shipped import seeds_of
from support.vocabulary import fill

from metrics.metric import Bars, Metric
from metrics.worth import HOPE
from optimize.scoring import score_step
from programs.core.background import run_sync
from programs.core.feed import FeedInput, first_sources
from programs.core.mathematics import gold_of, same_answer
from programs.core.program import DRAWS
from programs.core.recipe import recipes
from programs.core.row import Source
from programs.core.tools import tools, using
from programs.reasoning.solve import Solution, Solve, SolveOptions
from seedbed.models.hashed_words import hashed_words as embed
from seedbed.models.lm import TeacherLM

PROBLEM = "A box holds 12 eggs. How many eggs are in 7 boxes?"
WORDS = "The {verb} {noun} {noun2} {adjective} {adjective2}"
METRIC = Metric(recipes()["solve"], embed, Bars())


def steps(number: int, end: str) -> str:
    """Steps in words of their own for each number, with this end."""
    return f"{fill(WORDS, number)} {fill(WORDS, number, 'more')}. {end}"


def solve(
    answers: Sequence[str], gold: str = "", explained: str = "", reasoning: Any = None, **options: Any
) -> tuple[list[Solution], Scripted]:
    """The candidates of PROBLEM, where draw n ends in answer n, by the steps that `reasoning` gives, or some."""
    program = Solve(SolveOptions(draws=len(answers), **options))

    def reply(call: Call) -> Reply:
        if call.step == "explain_answer":
            return {"reasoning": explained}
        number = max(0, call.draw // DRAWS - 1)
        written = reasoning(number) if reasoning else steps(number, f"So it is {answers[number]}.")
        return {"reasoning": written, "answer": answers[number]}

    engine = Scripted(Steps(in_json(program)), reply)
    with dspy.context(lm=TeacherLM("scripted", engine)), using(veto=METRIC.veto):
        return program(problem=PROBLEM, answer=gold).candidates, engine


def reasons(rows: Sequence[Solution]) -> list[str | None]:
    return [row.dropped.reason if row.dropped else None for row in rows]


answers = st.sampled_from(["84", "$84.00", "84 eggs", "So 84.", "19", "-84", "1/2", "nobody knows"])


@given(st.lists(answers, min_size=1, max_size=8), st.integers(1, 4))
def test_every_row_has_the_gold_answer_and_no_problem_has_too_many(replies: list[str], at_most: int) -> None:
    rows, _ = solve(replies, "84", at_most=at_most)
    right = [same_answer(row.answer, "84") is True for row in rows]
    accepted = [row for row in rows if not row.dropped]
    assert len(rows) == len(replies)
    assert len(accepted) == min(at_most, sum(right))
    assert all(row.pass_rate == sum(right) / len(replies) and row.verified == "gold" for row in accepted)
    assert [row.sample for row in rows] == [*range(len(rows))]
    for row, is_right in zip(rows, right, strict=True):
        assert is_right or reasons([row])[0] in ("wrong answer", "unreadable answer")


@given(st.lists(st.sampled_from(["84", "84 eggs", "19", "7", "who knows"]), min_size=1, max_size=8))
def test_without_a_gold_answer_most_solutions_must_agree(replies: list[str]) -> None:
    rows, _ = solve(replies, at_most=8)
    readable = [reply for reply in replies if reply != "who knows"]
    accepted = [row for row in rows if not row.dropped]
    votes = [sum(same_answer(row.answer, reply) is True for reply in readable) for row in accepted]
    assert all(count >= max(2, 0.6 * len(readable)) and count == len(accepted) for count in votes)
    assert all(row.verified == "majority" and row.gold is None for row in accepted)
    agreed = any(
        readable.count(reply) >= max(2, 0.6 * len(readable)) for reply in {*readable} if not reply.startswith("84")
    )
    assert accepted or not agreed


@pytest.mark.parametrize(
    ("computation", "reason"),
    [
        ("So 7 * 12 = 84.", None),
        ("One counts 84.0 of them.", None),
        ("So 7 * 12 = 82, and 82 + 2 = 84.", "wrong step"),
        ("So 7 + 12 = 19.", "answer not in the steps"),
        ("So 7 * 120 = 840, or 1.84.", "answer not in the steps"),
        ("One counts them.", "answer not in the steps"),
    ],
)
def test_a_right_answer_by_wrong_steps_is_no_row(computation: str, reason: str | None) -> None:
    rows, _ = solve(["84"], "84", reasoning=lambda number: steps(number, computation))
    assert reasons(rows) == [reason]


def test_a_solution_with_the_same_computations_is_dropped() -> None:
    ways = ["So 7 * 12 = 84.", "That makes 7 × 12 = 84.00 eggs.", "So 12 * 7 = 84.", "So they are 84."]
    rows, _ = solve(["84"] * 4, "84", reasoning=lambda number: steps(number, ways[number]))
    assert reasons(rows) == [None, "same derivation", None, None]
    rows, _ = solve(["84"] * 2, "84", reasoning=lambda number: steps(0, "So they are 84."))
    assert reasons(rows) == [None, "same derivation"]


def test_a_dropped_solution_takes_no_place_of_a_good_one() -> None:
    ways = ["So 7 * 12 = 83.", "So 7 * 12 = 84.", "So 7 * 12 = 84.", "So 12 * 7 = 84."]
    rows, _ = solve(["84"] * 4, "84", at_most=2, reasoning=lambda number: steps(number, ways[number]))
    assert reasons(rows) == ["wrong step", None, "same derivation", None]
    assert {row.pass_rate for row in rows} == {1.0}


@pytest.mark.parametrize(
    ("gold", "answer", "reason"),
    [
        ("7 * 12 = <<7*12=84>>84 eggs\n#### 84", "84", None),
        ("#### 1,250", "$1,250.00", None),
        ("\\frac{1}{2}", "0.5", None),
        ("June 3", "June 3", None),
        ("June 3", "July 3", "unreadable answer"),
        ("84", "85", "wrong answer"),
    ],
)
def test_a_gold_answer_may_be_as_data_sets_have_it(gold: str, answer: str, reason: str | None) -> None:
    assert reasons(solve([answer], gold)[0]) == [reason]


def test_a_call_is_put_down_to_the_solution_that_it_wrote() -> None:
    written = dict[int, int]()

    def reasoning(number: int) -> str:
        candidate = tools().candidate
        assert isinstance(candidate, Solution)
        written[number] = candidate.sample
        return steps(number, "So it is 84.")

    solve(["84"] * 4, "84", reasoning=reasoning)
    assert written == {0: 0, 1: 1, 2: 2, 3: 3}


def test_a_row_is_a_chat_that_ends_in_the_answer() -> None:
    row = solve(["84 eggs"], "84")[0][0]
    asked, answered = row.columns()["messages"]
    assert asked == {"role": "user", "content": PROBLEM}
    assert answered == {"role": "assistant", "content": f"{steps(0, 'So it is 84 eggs.')}\nThe answer is 84 eggs."}


@pytest.mark.parametrize(
    ("explained", "reason"),
    [("So 7 * 12 = 84.", None), ("So 7 * 12 = 84, less 4 = 80.", "wrong answer"), ("So 7 * 11 = 84.", "wrong step")],
)
def test_an_answer_is_explained_only_if_nobody_found_it(explained: str, reason: str | None) -> None:
    rows, _ = solve(["1", "2"], "84", explained, hints=True)
    assert reasons(rows) == ["wrong answer", "wrong answer", reason]
    assert [row.hinted for row in rows] == [False, False, True]
    assert (rows[2].pass_rate, rows[2].sample) == (0.0, 2)
    for found in (solve(["1", "84"], "84", explained, hints=True), solve(["1", "2"], "", explained, hints=True)):
        assert not found[1].asked("explain_answer")


def test_the_answer_is_compiled_against_people_and_steps_must_hold() -> None:
    seeds = seeds_of(recipes()["solve"])[:1]
    for reply, score in (
        ({"reasoning": "Carry them.", "answer": "228 cars"}, 1.0),
        ({"reasoning": "38 * 6 = 228", "answer": "38"}, 0.0),
        ({"reasoning": "38 * 6 = 230", "answer": "228"}, pytest.approx(0, abs=HOPE)),
    ):
        program = Solve()
        with teaching(program, {"solve": reply}):
            examples = recipes()["solve"].examples(seeds, SolveOptions())["solve"]
            assert run_sync(score_step(program, "solve", examples, METRIC)) == [score]


def test_each_problem_is_a_source_once() -> None:
    sources = [Source(id=f"s-{n}", group=f"s-{n}", inputs={"problem": str(n)}) for n in range(20)]
    fed = first_sources(recipes()["solve"].feed(FeedInput(sources, [], SolveOptions(), 3)), 100)
    assert fed != sources
    assert sorted(source.id for source in fed) == sorted(source.id for source in sources)


@pytest.mark.parametrize(
    "gold", ["The answer is 12.", "x = 12", "6 * 2 = 12\n#### 12", "12", r"In 3 hours 3 * 4 = 12, so \boxed{12}"]
)
def test_the_right_answer_is_found_in_its_column(gold: str) -> None:
    assert gold_of(gold) == "12"


@pytest.mark.parametrize(("gold", "right"), [("5", False), ("0.5", True)])
def test_a_point_before_a_number_is_no_full_stop(gold: str, right: bool) -> None:
    [row], _ = solve([".5"], gold)
    assert (reasons([row]) != ["wrong answer"]) == right
