"""What evol-instruct promises: who is eliminated, what a failed evolution leaves, and how one round follows another."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.asked import Echo
from support.projects import rows
from support.scripted_program import Scripted, in_json, teaching
from support.shipped import seeds_of

from metrics.metric import Bars, Metric
from programs.core.background import run_sync
from programs.core.feed import FeedInput, OrderedFeed
from programs.core.recipe import recipes
from programs.core.row import Source
from programs.instructions.evol_instruct import OPERATORS, EvolInstruct, EvolOptions, Evolved, Harder, Rounds, leaked
from seedbed.cli.main import main
from seedbed.models.hashed_words import hashed_words as embed
from seedbed.models.lm import TeacherLM
from signatures.instructions.evol_instruct import BREADTH, CODE, TEXT

PARENT = "How do bees find their way back to the hive?"
CHILD = "How do bees find their way back to the hive when the sky is overcast and the hive was moved by a metre?"
HELP = "They read the polarised light of the sky, and near the hive they go by landmarks."


def made(rewritten: str = CHILD, answer: str = HELP, verdict: str = "yes", **options: Any) -> tuple[Evolved, Scripted]:
    """The row that comes of these replies, and the calls that it took."""
    metric = Metric(recipes()["evol-instruct"], embed, Bars(), judges=[in_json(Harder())])
    program, script = EvolInstruct(EvolOptions(**options)), {"judge harder": {"verdict": verdict}}
    script |= {"evolve": {"rewritten": rewritten}, "branch": {"created": rewritten}, "answer": {"answer": answer}}
    with teaching(program, script, {"harder": Harder}, veto=metric.veto, judge_row=metric.verdict) as engine:
        operator = BREADTH if rewritten.startswith("By breadth") else "deepen"
        (row,) = program(prompt=PARENT, operator=operator).candidates
    return row, engine


def reason(row: Evolved) -> str | None:
    return row.dropped.reason if row.dropped else None


# the eliminator


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (HELP, None),
        ("I am sorry to say that nobody knows.", "sorry"),
        ("Sorry! " + "word " * 78, "sorry"),
        ("Sorry! " + "word " * 79, None),
        ("Yes. It is, and not only that!", "no content"),
        ("...", "no content"),
        ("42", None),
    ],
)
def test_an_answer_that_is_short_and_sorry_or_without_content_is_out(answer: str, why: str | None) -> None:
    assert reason(made(answer=answer)[0]) == why


@pytest.mark.parametrize(
    ("rewritten", "why"),
    [
        (f" {CHILD} ", None),
        (f'"{CHILD}"', None),
        (PARENT.upper(), "unchanged"),
        (f"#Rewritten Prompt#: {CHILD}", "template words"),
        (f"{CHILD} Say it as the given prompt does.", "template words"),
        (f"Rewritten: {CHILD}", "template words"),
        (f"{CHILD} Write it as a prompt for a child.", None),
        ("How do bees navigate?", "added words"),
        (f"{PARENT} {'far ' * 40}", None),
        (f"{PARENT} {'far ' * 41}", "added words"),
        ("By breadth, ask how ants do it.", None),
        ("Bees look at the sun, and at landmarks that they know from earlier flights.", "no request"),
        ("Bees fly home. It can be answered, asking for a result that needs several steps.", "no request"),
        (f"{PARENT} A person must still find it reasonable.", "template words"),
        (f"{PARENT} Write the harder prompt, 10 to 20 words longer, and no answer.", "template words"),
        (f"{PARENT} Ask about it in more depth and more widely.", "template words"),
    ],
)
def test_a_prompt_that_is_no_evolution_is_out_before_its_answer_is_paid(rewritten: str, why: str | None) -> None:
    row, engine = made(rewritten)
    assert reason(row) == why
    assert len(engine.asked("answer")) == (why is None)


def test_no_prompt_has_more_words_than_the_option_says() -> None:
    size = len(CHILD.split())
    assert reason(made(max_words=size)[0]) is None
    assert reason(made(max_words=size - 1)[0]) == "too long"


@pytest.mark.parametrize(("verdict", "why"), [("yes", None), ("no", "judge harder"), ("perhaps", "judge harder")])
def test_a_prompt_that_asks_for_no_more_is_never_answered(verdict: str, why: str | None) -> None:
    row, engine = made(verdict=verdict)
    assert reason(row) == why
    assert engine.asked("judge harder")[0] == {"old": PARENT, "new": CHILD}
    assert len(engine.asked("answer")) == (why is None)


def test_the_new_prompt_alone_is_what_is_answered() -> None:
    engine = Echo(HELP)
    with dspy.context(lm=TeacherLM("echo", engine)):
        assert run_sync(EvolInstruct().answer.acall(prompt=CHILD)).answer == HELP
    (request,) = engine.asked
    assert request.system is None
    assert [message.text for message in request.messages] == [CHILD]


# rounds


def feed_of(prompts: Sequence[str], **options: Any) -> OrderedFeed:
    sources = [Source(id=prompt, group=f"group of {prompt}", inputs={"prompt": prompt}) for prompt in prompts]
    return OrderedFeed(Rounds(FeedInput(sources, [], EvolOptions(**options), 3)))


def taken(feed: OrderedFeed, accept: Callable[[Source], bool]) -> list[Source]:
    """All sources of a feed, each committed at once; an accepted one gives the prompt with `+` behind it."""
    sources = list[Source]()
    while source := feed.take():
        sources.append(source)
        child = Evolved(instruction=f"{source.inputs['prompt']}+", parent=source.inputs["prompt"])
        feed.commit(*(([child], []) if accept(source) else ([], [child])))
    return sources


@given(st.integers(1, 5), st.integers(1, 4), st.randoms(use_true_random=False))
def test_a_round_holds_the_children_and_the_parents_that_failed(n: int, rounds: int, chance: Any) -> None:
    verdicts = dict[str, bool]()
    sources = taken(
        feed_of([f"p{i}" for i in range(n)], rounds=rounds),
        lambda source: verdicts.setdefault(source.id, chance.random() < 0.5),
    )
    assert len(sources) == len({source.id for source in sources}) == n * rounds
    for before, after in zip(sources, sources[n:], strict=False):
        prompt, was_accepted = before.inputs["prompt"], verdicts[before.id]
        assert after.inputs["prompt"] == (f"{prompt}+" if was_accepted else prompt)
        assert after.inputs["round"] == before.inputs["round"] + 1
        assert after.group == before.group
        assert after.draw == (0 if was_accepted else before.draw + 1)


def test_a_round_waits_for_the_whole_round_before_it() -> None:
    feed = Rounds(FeedInput([Source(id=str(i), group="", inputs={"prompt": str(i)}) for i in range(3)], [], None))
    assert [feed.needs(position) for position in range(8)] == [0, 0, 0, 3, 3, 3, 6, 6]


def test_the_operators_are_those_of_the_domain_with_their_weights() -> None:
    prompts = [f"p{i}" for i in range(300)]
    chosen = {
        name: [source.inputs["operator"] for source in taken(feed_of(prompts, rounds=1, **options), lambda _: False)]
        for name, options in (("text", {}), ("deep", {"breadth": 0}), ("code", {"domain": "code"}))
    }
    assert {*chosen["text"]} == {*TEXT}
    assert {*chosen["deep"]} == {*TEXT} - {BREADTH}
    assert {*chosen["code"]} == {*CODE}
    assert chosen["code"].count("tighter limits") < 300 * 0.05


def test_examples_are_the_good_rewrites_by_operators_of_the_domain() -> None:
    recipe = recipes()["evol-instruct"]
    seeds = [seed for seed in seeds_of(recipe) if seed.harder == "yes"]
    text, code = (recipe.examples(seeds_of(recipe), EvolOptions(domain=domain)) for domain in OPERATORS)
    assert len(text["evolve"]) + len(text["branch"]) == len(seeds)
    assert {example.how for example in code["evolve"]} == {CODE["constraint"], CODE["reasoning"]}
    assert not code["branch"]


# a whole run

TEACHER = """
from support.scripted_program import teacher

reply = teacher("evol-instruct", {
    "evolve": lambda inputs: {"rewritten": inputs["prompt"] + " Then say how it would be for somebody else."},
    "judge harder": lambda inputs: {"verdict": "no" if "cats" in inputs["old"] else "yes"},
    "answer": lambda inputs: {"answer": "An answer to " + inputs["prompt"]},
})
"""
PROMPTS = ("Name a river.", "Tell me about cats.", "Is it late?")


def test_a_run_evolves_its_own_rows_and_names_their_parents(tmp_path: Path) -> None:
    assert main(["init", str(tmp_path), "--recipe", "evol-instruct"]) == 0
    (tmp_path / "teacher.py").write_text(TEACHER, encoding="utf-8")
    (tmp_path / "prompts.jsonl").write_text("".join(f"{json.dumps({'prompt': text})}\n" for text in PROMPTS))
    sets = {"models.small.model": "scripted/teacher.py", "embedder": "scripted/hashed-words"}
    sets |= {"options.rounds": 2, "options.breadth": 0}
    where = ["-c", str(tmp_path / "seedbed.yaml"), "--out", str(tmp_path / "dataset"), "--uncompiled"]
    assert main(["run", *where, *(f"--set={key}={value}" for key, value in sets.items())]) == 1
    made = {(row["round"], row["parent"]): row for row in rows(tmp_path / "dataset")}
    first, second = made[1, PROMPTS[0]], made[2, made[1, PROMPTS[0]]["instruction"]]
    assert len(made) == 4
    assert (first["lineage"]["parents"], second["lineage"]["parents"]) == ([], [first["id"]])
    assert "cats" not in str(made)


def test_a_prompt_may_be_like_all_that_it_was_evolved_from() -> None:
    lines = ["Plan a walk.", "Plan a walk by a lake.", "Plan a walk by a lake in May."]
    feed = Rounds(FeedInput([Source(id="s", group="g", inputs={"prompt": lines[0]})], [], EvolOptions(rounds=3), 0))
    for turn, child in enumerate(lines[1:]):
        source = feed.source_at(turn)
        assert source
        assert [*source.inputs["ancestors"], source.inputs["prompt"]] == lines[: turn + 1]
        feed.committed(source, [Evolved(instruction=child, parent=source.inputs["prompt"])], [])
    row = Evolved(parent=lines[1], ancestors=[lines[0]], instruction=lines[2])
    assert row.given == lines[:2]


def test_words_of_an_operator_that_its_parent_has_are_no_leak() -> None:
    parent = "Replace general terms with more specific ones in this essay."
    child = Evolved(instruction=f"{parent} Keep the rhyme.", parent=parent, operator="concretise")
    assert leaked(child) is None
    assert leaked(child.model_copy(update={"parent": "Mend this essay."}))


def test_a_compile_sees_the_words_of_programming_operators_leak() -> None:
    how = CODE["rarer requirement"]
    program = EvolInstruct(EvolOptions(domain="code"))
    (row,) = program.read("evolve", {"prompt": "Sort a list.", "how": how}, {"rewritten": f"Sort a list. {how}"})
    assert isinstance(row, Evolved)
    assert leaked(row)


def test_the_most_added_words_are_no_fewer_than_the_fewest() -> None:
    with pytest.raises(ValidationError, match="it is less than fewest_added, which is 50"):
        EvolOptions(fewest_added=50)
