"""What each recipe promises by its paper, against a teacher that follows a script (no model, no network)."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dspy
import pytest
from support.asked import Echo
from support.projects import project, run
from support.projects import rows as stored
from support.scripted_program import Inputs, Reply, Script, Scripted, in_json, teaching
from support.shipped import seeds_of

from metrics.metric import Bars, Metric
from metrics.worth import HOPE, Worth
from optimize.scoring import score_step
from programs.core.background import run_sync
from programs.core.feed import FeedInput, first_sources
from programs.core.instance import Instance, word_filter
from programs.core.pool import Pool
from programs.core.program import Program
from programs.core.recipe import recipes
from programs.core.row import Candidate, Source
from programs.core.text import rouge_l
from programs.instructions.lab import Lab, LabOptions, LeafSeed, Leaves, Pair
from programs.instructions.self_instruct import SelfInstruct, SelfInstructOptions, TaskSeed
from programs.judges.judge import JUDGES
from seedbed.models.hashed_words import hashed_words as embed
from seedbed.models.lm import TeacherLM
from signatures.instructions.lab import AskFromTopic
from signatures.instructions.self_instruct import ProposeInstructions
from signatures.variants import wordings


def rows_of(program: Program, script: Script, **inputs: Any) -> tuple[list[Any], Scripted]:
    with teaching(program, script) as engine:
        return program(**inputs).candidates, engine


def metric_of(name: str, *judges: str, shown: Sequence[str] = ()) -> Metric:
    made = [in_json(JUDGES[judge]()) for judge in judges]
    return Metric(recipes()[name], embed, Bars(relevance=0.1), judges=made, shown=shown)


def dropped(candidates: Sequence[Candidate]) -> list[str | None]:
    return [candidate.dropped.reason if candidate.dropped else None for candidate in candidates]


# grounded-qa

PASSAGE = "The K3 kettle holds 1.7 litres. Descale the K3 kettle once a month with citric acid in hard water areas."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("Descale it once a month with citric acid.", None),
        ("Wash the filter weekly and store everything somewhere dry.", "unsupported"),
        ("Descale the kettle every 14 days.", "wrong number"),
    ],
)
def test_a_fluent_answer_that_the_document_does_not_hold_is_out(answer: str, reason: str | None) -> None:
    question = "How often should the K3 kettle be descaled?"
    program, metric = recipes()["grounded-qa"].program(), metric_of("grounded-qa")
    script: Script = {"ask_question": {"question": question}, "answer_question": {"answer": answer}}
    with teaching(program, script, veto=metric.veto):
        row = program(document=PASSAGE).candidates[0]
    assert dropped([row]) == [reason]


# lab

FIVE = [f"How long is a trail of {n} miles in kilometres?" for n in range(1, 6)]
LEAF = {"task": "Convert units.", "examples": "Question: a\nAnswer: b"}
GOOD = {"reasoning": "it is fine", "verdict": "yes"}


def lab_script(**changes: Any) -> Script:
    return {
        "ask_from_topic": {"questions": FIVE},
        "check_question": GOOD,
        "answer_for_task": lambda asked: {"answer": f"An answer to {asked['prompt']}"},
        **changes,
    }


def test_every_question_becomes_a_pair() -> None:
    rows, engine = rows_of(Lab(), lab_script(), **LEAF)
    assert [row.question for row in rows] == FIVE
    assert [row.response for row in rows] == [f"An answer to {question}" for question in FIVE]
    assert dropped(rows) == [None] * 5
    assert len(engine.asked("ask_from_topic")) == 1


def test_a_question_that_fails_the_gate_is_never_answered() -> None:
    def gate(asked: Inputs) -> Reply:
        return {"reasoning": "too vague", "verdict": "no"} if asked["question"] == FIVE[1] else GOOD

    rows, engine = rows_of(Lab(), lab_script(check_question=gate), **LEAF)
    assert dropped(rows) == [None, "question gate", None, None, None]
    assert rows[1].dropped.step == "check_question"
    assert rows[1].dropped.detail == "too vague"
    assert FIVE[1] not in [asked["prompt"] for asked in engine.asked("answer_for_task")]
    assert len(engine.asked("answer_for_task")) == 4


@pytest.mark.parametrize("step", ["check_question", "answer_for_task"])
def test_an_unreadable_reply_touches_its_own_question_only(step: str) -> None:
    script = lab_script()
    honest = script[step]

    def sometimes(asked: Inputs) -> Reply:
        if FIVE[2] in asked.values():
            return "mumble"
        return honest(asked) if callable(honest) else honest

    rows, _ = rows_of(Lab(), {**script, step: sometimes}, **LEAF)
    assert dropped(rows) == [None, None, "unreadable reply", None, None]


def test_the_question_alone_is_the_prompt_of_an_answer() -> None:
    step = Lab().answer_for_task
    engine = Echo("11 km")
    with dspy.context(lm=TeacherLM("echo", engine)):
        asked = step.acall(prompt="The trail is 7 miles long.\n\nHow long is it in km?")
        assert run_sync(asked).answer == "11 km"
    (request,) = engine.asked
    assert request.system is None
    assert [message.text for message in request.messages] == ["The trail is 7 miles long.\n\nHow long is it in km?"]


def test_a_pair_with_a_context_is_answered_below_it() -> None:
    rows, engine = rows_of(Lab(), lab_script(), context="Two trails meet.", **LEAF)
    assert engine.asked("answer_for_task")[0] == {"prompt": f"Two trails meet.\n\n{FIVE[0]}"}
    assert rows[0].columns()["messages"][0]["content"] == f"Two trails meet.\n\n{FIVE[0]}"


def test_questions_are_five_at_most_and_each_once() -> None:
    rows, _ = rows_of(Lab(), lab_script(ask_from_topic={"questions": [FIVE[0], *FIVE, "And a sixth?"]}), **LEAF)
    assert [row.question for row in rows] == FIVE
    rows, engine = rows_of(Lab(), lab_script(ask_from_topic={"questions": [" "]}), **LEAF)
    assert dropped(rows) == ["no question"]
    assert len(engine.calls) == 1


def judged_pair(said: Reply) -> Worth:
    metric = metric_of("lab", "pair")
    with teaching(Lab(), {"judge pair": said}):
        return run_sync(metric.judged(Pair(task="Convert units.", question=FIVE[0], answer="1.6 km")))


@pytest.mark.parametrize(("grade", "kept"), [(1, False), (2, True), (3, True)])
def test_a_pair_is_kept_from_grade_2(grade: int, kept: bool) -> None:
    worth = judged_pair({"reasoning": "because", "grade": grade})
    assert (worth.drop is None) is kept
    assert kept or (worth.drop and worth.drop.detail == "because")


def test_a_pair_without_a_readable_grade_is_not_kept() -> None:
    worth = judged_pair("it is quite good")
    assert worth.drop
    assert worth.unscored == ["pair"]


def test_the_student_is_asked_with_the_context() -> None:
    pair = Pair(task="t", context="The trail is 7 miles long.", question="How long is it in km?", answer="11 km")
    assert pair.columns()["messages"][0]["content"] == "The trail is 7 miles long.\n\nHow long is it in km?"
    assert pair.model_copy(update={"context": "none"}).prompt == "How long is it in km?"
    assert pair.document is None


def leaves_of(seeds: list[LeafSeed]) -> Leaves:
    return Leaves(FeedInput([], seeds, LabOptions()))


def test_leaves_come_in_turn() -> None:
    seeds: list[LeafSeed] = seeds_of(recipes()["lab"])
    sources = first_sources(leaves_of(seeds), 18)
    leaves = {seed.leaf for seed in seeds}
    for turn in range(3):
        of_turn = sources[turn * len(leaves) : (turn + 1) * len(leaves)]
        assert {source.group for source in of_turn} == leaves
        assert {source.draw for source in of_turn} == {turn}


def test_a_leaf_shows_its_own_examples_and_one_of_their_texts() -> None:
    seeds: list[LeafSeed] = seeds_of(recipes()["lab"])
    feed = leaves_of(seeds)
    for position in range(30):
        source = feed.source_at(position)
        assert source
        shown = [seed for seed in seeds if seed.question in source.inputs["examples"]]
        assert len(shown) == 3
        assert {seed.leaf for seed in shown} == {source.group}
        assert source.inputs["context"] in {seed.document or "none" for seed in shown}


def test_a_source_names_the_seeds_that_it_shows() -> None:
    seeds: list[LeafSeed] = seeds_of(recipes()["lab"])
    tasks: list[TaskSeed] = seeds_of(recipes()["self-instruct"])
    leaves, pool = leaves_of(seeds), pool_of(tasks)
    for position in range(10):
        leaf, listed = leaves.source_at(position), pool.source_at(position)
        assert leaf
        assert listed
        assert set(leaf.shown) == {seed.id for seed in seeds if seed.question in leaf.inputs["examples"]}
        assert len(listed.shown) == 8
        assert {one.instruction for one in tasks if one.id in listed.shown} == {
            re.sub(r"^\d+\. ", "", line) for line in listed.inputs["tasks"].splitlines()
        }


def test_a_small_leaf_has_no_example_of_asking() -> None:
    examples = recipes()["lab"].examples(seeds_of(recipes()["lab"])[:2], LabOptions())
    assert examples["ask_from_topic"] == []
    assert len(examples["answer_for_task"]) == 2


def test_the_judge_of_pairs_grades_after_its_reason() -> None:
    assert list(JUDGES["pair"]().judge.signature.output_fields) == ["reasoning", "grade"]


# self-instruct

CALL = Source(id="call", group="call", inputs={})
HUMAN = [TaskSeed(id=f"h{n}", instruction=f"Human task number {n}", output="x", classification=False) for n in range(9)]


def pool_of(seeds: Sequence[TaskSeed], **options: Any) -> Pool:
    return Pool(FeedInput([], seeds, SelfInstructOptions(**options)))


def pool_with(*instructions: str, **options: Any) -> Pool:
    pool = pool_of(HUMAN, **options)
    rows = [Instance(instruction=instruction) for instruction in instructions]
    pool.committed(Source(id="s", group="s", inputs={}), rows, [])
    return pool


def shown_by(pool: Pool, position: int) -> list[str]:
    source = pool.source_at(position)
    assert source
    lines = source.inputs["tasks"].splitlines()
    assert [line.split(". ")[0] for line in lines] == [str(n) for n in range(1, len(lines) + 1)]
    return [line.split(". ", 1)[1] for line in lines]


@pytest.mark.parametrize(("machine", "shown"), [(0, 0), (1, 1), (2, 2), (5, 2)])
def test_a_prompt_shows_eight_tasks_two_of_them_machine_made(machine: int, shown: int) -> None:
    pool = pool_with(*(f"Machine task number {n}" for n in range(machine)))
    for position in range(10):
        tasks = shown_by(pool, position)
        assert len(set(tasks)) == 8
        assert sum(task.startswith("Machine") for task in tasks) == shown


def test_the_tasks_shown_are_shuffled() -> None:
    pool = pool_with("Machine task one", "Machine task two")
    places = {place for n in range(40) for place, task in enumerate(shown_by(pool, n)) if task.startswith("Machine")}
    assert places == set(range(8))


def test_only_accepted_rows_are_shown() -> None:
    pool = pool_with()
    assert pool.accepts(CALL, Instance(instruction="Describe a sunset over a calm lake")) is None
    assert all("sunset" not in task for n in range(20) for task in shown_by(pool, n))


def sharing(n: int) -> tuple[str, str]:
    """Two texts of 100 words each, n of them common and in order: their ROUGE-L is n / 100."""
    common = [f"w{i}" for i in range(n)]
    ours, theirs = ([*common, *(f"{side}{i}" for i in range(100 - n))] for side in "ab")
    return " ".join(ours), " ".join(theirs)


@pytest.mark.parametrize(("n", "kept"), [(69, True), (70, False), (71, False), (100, False)])
@pytest.mark.parametrize("known", ["human", "machine"])
def test_the_pool_lets_in_what_is_below_0_7(n: int, kept: bool, known: str) -> None:
    old, new = sharing(n)
    assert rouge_l(old, new) == pytest.approx(n / 100)
    seed = TaskSeed(id="one", instruction=old if known == "human" else "Name a river", output="x", classification=False)
    pool = pool_of([seed])
    if known == "machine":
        assert pool.accepts(CALL, Instance(instruction=old)) is None
        assert pool.accepts(CALL, Instance(instruction="Sing of something else altogether")) is None
    drop = pool.accepts(CALL, Instance(instruction=new))
    assert (drop is None) is kept
    assert drop is None or (drop.step, drop.reason) == ("pool", "like the pool")


def test_the_instruction_of_another_call_is_a_repetition() -> None:
    pool, task = pool_with(), "Decide whether the review is positive"
    assert pool.accepts(CALL, Instance(instruction=task, input="Great", output="yes")) is None
    assert pool.accepts(CALL.model_copy(update={"id": "next"}), Instance(instruction=task, input="Bad", output="no"))


def test_a_second_instance_of_a_task_is_no_repetition() -> None:
    pool = pool_with()
    task = "Decide whether the review is positive"
    assert pool.accepts(CALL, Instance(instruction=task, input="Great", output="yes")) is None
    assert pool.accepts(CALL, Instance(instruction=task, input="Bad", output="no")) is None
    assert pool.accepts(CALL, Instance(instruction="Name three rivers of Europe")) is None
    assert pool.accepts(CALL, Instance(instruction=task, input="Fine", output="yes"))


TASK = "Decide whether the review is good"


def si_script(*tasks: str, classification: str = "no", **changes: Any) -> Script:
    return {
        "propose_instructions": {"proposals": [*tasks]},
        "is_classification": {"verdict": classification},
        "list_labels": {"labels": ["Good", "Bad", "Mixed"]},
        "write_instance": {"input": "None.", "output": "Here you are"},
        "write_input_for_label": lambda asked: {
            "input": f"A text that is {asked['label'].lower()} through and through"
        },
        **changes,
    }


def test_a_classification_task_gets_its_labels_before_its_inputs() -> None:
    rows, engine = rows_of(SelfInstruct(), si_script(TASK, classification="yes"), tasks="1. Sing")
    assert [name for name, _ in engine.calls] == [
        "propose_instructions",
        "is_classification",
        "list_labels",
        "write_input_for_label",
        "write_input_for_label",
    ]
    assert dropped(rows) == [None, None]
    assert len({row.output for row in rows} & {"Good", "Bad", "Mixed"}) == 2
    assert all(row.classification and row.output.lower() in row.input for row in rows)


def test_any_other_task_is_done_input_first() -> None:
    rows, engine = rows_of(SelfInstruct(), si_script("Name three rivers of Europe"), tasks="1. Sing")
    assert [name for name, _ in engine.calls] == ["propose_instructions", "is_classification", "write_instance"]
    assert dropped(rows) == [None]
    assert rows[0].columns()["messages"] == [
        {"role": "user", "content": "Name three rivers of Europe"},
        {"role": "assistant", "content": "Here you are"},
    ]
    assert rows[0].input == ""


@pytest.mark.parametrize("given", ["The same text", "none"])
def test_one_input_with_two_outputs_drops_the_whole_set(given: str) -> None:
    def write(asked: Inputs) -> Reply:
        same = asked["instruction"] == TASK
        return {"input": given if same else f"A text that is {asked['label']}"}

    other = "Tell me if this animal can fly"
    script = si_script(TASK, other, classification="yes", write_input_for_label=write)
    rows, _ = rows_of(SelfInstruct(), script, tasks="1. Sing")
    assert dropped(rows) == ["one input, two outputs"] * 2 + [None] * 2
    assert [row.instruction for row in rows] == [TASK, TASK, other, other]


@pytest.mark.parametrize(
    ("instance", "reason"),
    [
        ({"input": "a b", "output": "c"}, None),
        ({"input": "a b", "output": ""}, "no output"),
        ({"input": "a b", "output": " a b "}, "no output"),
        ({"input": "a b", "output": "The rivers are:"}, "cut off"),
        ({"input": "Text:", "output": "c"}, "cut off"),
    ],
)
def test_broken_instances_are_out(instance: dict[str, str], reason: str | None) -> None:
    script = si_script("Name three rivers of Europe", write_instance=instance)
    rows, _ = rows_of(SelfInstruct(), script, tasks="1. Sing")
    assert dropped(rows) == [reason]
    assert dropped(SelfInstruct().read("write_instance", {"instruction": "Name a river please"}, instance)) == [reason]


@pytest.mark.parametrize(
    ("instruction", "kept"),
    [
        ("Name three rivers", False),
        ("Name three long rivers", True),
        ("river " * 150, True),
        ("river " * 151, False),
        ("Draw a picture of the house", False),
        ("Say what the Maps show us", False),
        ("Tell me where to go to", False),
        ("Describe a photograph, a mapped coast and a profile", True),
        ("Write a program that adds numbers", False),
        ("write a program that adds numbers", False),
        ("Write a programme for the concert", False),  # as the published code has it
        ("- Name three long rivers", False),
        ("Écris une phrase en anglais", True),  # which languages there are, the seeds decide
        ("¿Qué ríos conoces en España?", True),
        ("用三句话介绍一条河流", True),
        ("• Name three long rivers", False),
        ("", True),
    ],
)
def test_the_word_filter(instruction: str, kept: bool) -> None:
    assert (word_filter(Instance(instruction=instruction)) is None) is kept


def test_nothing_is_paid_for_a_task_that_is_filtered() -> None:
    rows, engine = rows_of(SelfInstruct(), si_script("Draw a map of Europe", "Name a river"), tasks="1. Sing")
    assert dropped(rows) == ["not for text", "length"]
    assert len(engine.calls) == 1


def test_a_task_like_a_seed_is_vetoed_before_it_is_paid_for() -> None:
    metric, program = metric_of("self-instruct", shown=["Name three rivers of Europe"]), SelfInstruct()
    with teaching(program, si_script("Name three rivers of Europe!"), veto=metric.veto) as engine:
        rows = program(tasks="1. Sing").candidates
    assert dropped(rows) == ["copied seed"]
    assert len(engine.calls) == 1


def test_proposals_are_eight_at_most_and_never_none() -> None:
    tasks = [f"Describe the colour number {n}" for n in range(12)]
    rows, _ = rows_of(SelfInstruct(), si_script(tasks[0], *tasks), tasks="1. Sing")
    assert [row.instruction for row in rows] == tasks[:8]
    rows, _ = rows_of(SelfInstruct(), si_script(), tasks="1. Sing")
    assert dropped(rows) == ["no instruction"]


def test_a_row_without_a_document_is_not_scored_by_likeness_to_its_prompt() -> None:
    row = Instance(instruction="Is a tomato botanically a berry?", output="Yes", classification=True)
    worth = asyncio.run(metric_of("self-instruct").judged(row))
    assert worth.drop is None
    empty = asyncio.run(metric_of("self-instruct").judged(row.model_copy(update={"output": ""})))
    assert empty.drop
    assert empty.drop.reason == "no answer"


@pytest.mark.parametrize(("verdict", "score"), [("yes", 1.0), ("no", 0.0)])
def test_the_kind_of_a_task_is_compiled_against_people(verdict: str, score: float) -> None:
    seeds = [seed for seed in seeds_of(recipes()["self-instruct"]) if seed.classification][:3]
    assert scores("is_classification", seeds, {"verdict": verdict}) == pytest.approx([score] * 3)


def test_an_instance_may_repeat_the_seed_task_it_was_asked_for() -> None:
    seeds = [seed for seed in seeds_of(recipes()["self-instruct"]) if not seed.classification][:3]
    assert scores("write_instance", seeds, {"input": "none", "output": "A sound reply."}) == [1.0] * 3
    assert scores("write_instance", seeds, {"input": "none", "output": ""}) == pytest.approx([HOPE * 0.75] * 3)


def scores(step: str, seeds: Sequence[TaskSeed], said: Reply) -> list[float]:
    recipe, program = recipes()["self-instruct"], SelfInstruct()
    metric = metric_of("self-instruct", shown=[seed.instruction for seed in seeds])
    with teaching(program, {step: said}):
        return run_sync(score_step(program, step, recipe.examples(seeds, recipe.options())[step], metric))


# options


def test_other_numbers_of_lab_are_in_its_prompt_its_feed_and_its_rows() -> None:
    options, seeds = LabOptions(questions=3, shown=1), seeds_of(recipes()["lab"])
    program = Lab(options)
    assert [row.question for row in rows_of(program, lab_script(), **LEAF)[0]] == FIVE[:3]
    asked = program.step("ask_from_topic").asked
    texts = [*wordings(asked), asked.output_fields["questions"].json_schema_extra["desc"]]
    assert len(texts) == 3
    assert all("three" in text and "five" not in text for text in texts)
    assert asked.__name__ == "AskFromTopic"
    source = Leaves(FeedInput([], seeds, options)).source_at(0)
    assert source
    assert len(source.shown) == 1
    assert {len(example.questions) for example in recipes()["lab"].examples(seeds, options)["ask_from_topic"]} <= {2, 3}


def test_the_papers_numbers_leave_the_prompts_as_they_are_written() -> None:
    assert Lab().step("ask_from_topic").asked is AskFromTopic
    assert SelfInstruct().step("propose_instructions").asked is ProposeInstructions


def test_other_numbers_of_self_instruct_are_in_its_pool_and_its_rows() -> None:
    pool = pool_with("Machine task one", "Machine task two", shown=4, machine=1)
    assert all(len(shown_by(pool, n)) == 4 for n in range(5))
    assert all(sum(task.startswith("Machine") for task in shown_by(pool, n)) == 1 for n in range(5))
    assert len(shown_by(pool_with("Machine task one", "Machine task two", shown=1, machine=2), 0)) == 1
    program = SelfInstruct(SelfInstructOptions(proposals=12, labels=3))
    assert "write up to 12 more" in " ".join(program.step("propose_instructions").asked.instructions.split())
    script = si_script(TASK, classification="yes")
    assert len(rows_of(program, script, tasks="1. Sing")[0]) == 3


@pytest.mark.parametrize(("lag", "needed"), [(1, [0, 1, 2, 3]), (3, [0, 0, 0, 1])])
def test_a_pool_needs_all_positions_up_to_its_lag(lag: int, needed: list[int]) -> None:
    assert [pool_of(HUMAN, lag=lag).needs(position) for position in range(4)] == needed


def test_an_application_is_named_in_every_call_for_new_tasks_and_in_its_examples() -> None:
    options = SelfInstructOptions(application="a shop that answers questions on kettles")
    program, seeds = SelfInstruct(options), seeds_of(recipes()["self-instruct"])
    _, engine = rows_of(program, si_script("Name three rivers of Europe"), tasks="1. Sing")
    assert engine.asked("propose_instructions") == [{"application": options.application, "tasks": "1. Sing"}]
    for example in recipes()["self-instruct"].examples(seeds, options)["propose_instructions"]:
        assert set(example.inputs().keys()) == {"application", "tasks"}


def test_questions_beyond_the_document_are_compiled_only_if_some_are_wanted() -> None:
    recipe = recipes()["grounded-qa"]
    assert not recipe.examples(seeds_of(recipe), recipe.options())["ask_beyond"]
    assert recipe.examples(seeds_of(recipe), recipe.options(unanswerable=0.1))["ask_beyond"]


def test_a_copy_of_a_program_keeps_its_options() -> None:
    assert Lab(LabOptions(questions=2)).deepcopy().options == LabOptions(questions=2)


def test_without_outputs_a_row_is_an_instruction_and_only_that_is_asked_for() -> None:
    program = SelfInstruct(SelfInstructOptions(outputs=False))
    tasks = ["Explain why bread rises.", "Plan a week of walks.", "Draw a map of the harbour."]
    rows, engine = rows_of(program, {"propose_instructions": {"proposals": tasks}}, tasks="1. Sum up a text.")
    assert {name for name, _ in engine.calls} == {"propose_instructions"}
    assert dropped(rows) == [None, None, "not for text"]
    assert rows[0].base() == {"prompt": [{"role": "user", "content": tasks[0]}]}
    assert program.row is type(rows[0]) is not SelfInstruct().row
    worth = run_sync(metric_of("self-instruct").judged(rows[0]))
    assert (worth.score, worth.drop) == (1.0, None)


def test_a_run_without_outputs_writes_prompts(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", "self-instruct")
    assert run(folder, tmp_path / "ds", "--uncompiled", "--rows=3", "--set", "options.outputs=false") == 0
    made = stored(tmp_path / "ds")
    assert [message["role"] for row in made for message in row["prompt"]] == ["user"] * 3
    assert {"messages", "output"}.isdisjoint(made[0])
