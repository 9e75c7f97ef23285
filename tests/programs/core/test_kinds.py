"""Kinds: which columns a trainer reads, which texts count, and what must be new."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kinds import ROWS, Page, Rephrased, Task

from programs.core.kinds import KINDS, Chat, Labelled, Preference, Prompt, Ranked, Stepwise, Text, kind_of
from programs.core.recipe import recipes
from programs.core.row import Candidate, Drop, Exchange, one_each
from programs.qa.grounded_qa import QA
from signatures.refusal import DOES_NOT_SAY

DOCUMENT, QUESTION, ANSWER = "The lamp was lit in 1906.", "When was the lamp lit?", "In 1906."
PAIR = Preference(
    instruction="Name a bird.",
    chosen_answer="A heron.",
    rejected_answer="A herring.",
    score_chosen=0.9,
    score_rejected=0.2,
    probability=0.75,
    models=["big", "small"],
    ranking=[Ranked(model="big", rank=1, answer="A heron."), Ranked(model="small", rank=2, answer="A herring.")],
)
SOLUTION = Stepwise(
    problem="What is 2 + 3 * 4?",
    completions=["3 * 4 = 12.", "Hm.", "2 + 12 = 15."],
    ratings=[1, 0, -1],
    finish_reason="bad",
)
PAGE = Page(topic="tides", page="The sea rises twice a day.")
LABELLED = Labelled(text="Worth every penny.", label="positive", probabilities=[0.1, 0.9], weight=0.5)


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


# columns


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_a_trainers_columns_are_those_of_the_kind_and_the_rest_is_the_recipes(
    kind: type[Candidate], data: st.DataObject
) -> None:
    row = data.draw(ROWS[kind])
    columns = row.columns()
    assert columns.keys() == kind.Base.model_fields.keys() | (type(row).model_fields.keys() - {"dropped"})
    base = {name: columns[name] for name in kind.Base.model_fields}
    assert kind.Base.model_validate(base, strict=True).model_dump() == base


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            Rephrased(text=DOCUMENT, asked=QUESTION, said=ANSWER),
            {"messages": [turn("user", f"{DOCUMENT}\n\n{QUESTION}"), turn("assistant", ANSWER)]},
        ),
        (Rephrased(asked=QUESTION, said=ANSWER), {"messages": [turn("user", QUESTION), turn("assistant", ANSWER)]}),
        (Task(task=QUESTION), {"prompt": [turn("user", QUESTION)]}),
        (
            PAIR,
            {
                "prompt": [turn("user", "Name a bird.")],
                "chosen": [turn("assistant", "A heron.")],
                "rejected": [turn("assistant", "A herring.")],
                "score_chosen": 0.9,
                "score_rejected": 0.2,
                "margin": 0.7,
                "probability": 0.75,
                "models": ["big", "small"],
                "ranking": [
                    {"model": "big", "rank": 1, "answer": "A heron."},
                    {"model": "small", "rank": 2, "answer": "A herring."},
                ],
            },
        ),
        (
            SOLUTION,
            {
                "prompt": "What is 2 + 3 * 4?",
                "completions": ["3 * 4 = 12.", "Hm.", "2 + 12 = 15."],
                "labels": [True, True, False],
                "ratings": [1, 0, -1],
                "finish_reason": "bad",
            },
        ),
        (SOLUTION.model_copy(update={"passing": 1}), {"labels": [True, False, False]}),
        (PAGE, {"text": "The sea rises twice a day."}),
        (
            LABELLED,
            {"text": "Worth every penny.", "label": "positive", "probabilities": [0.1, 0.9], "weight": 0.5},
        ),
    ],
)
def test_a_row_is_written_as_its_trainer_reads_it(row: Candidate, expected: dict[str, Any]) -> None:
    columns = row.columns()
    assert {name: columns[name] for name in expected} == expected


def test_a_drop_is_no_column() -> None:
    row = Task(task="Name a bird.", dropped=Drop(step="veto", reason="leak"))
    assert row.columns() == {"task": "Name a bird.", "parent": "", "prompt": [turn("user", "Name a bird.")]}


# texts


@pytest.mark.parametrize(
    ("row", "prompt", "response", "texts", "novelty_key"),
    [
        (Rephrased(text=DOCUMENT, asked="Q", said="A"), "Q", "A", ["Q", "A"], "Q"),
        (Task(task="Q"), "Q", "", ["Q", ""], "Q"),
        (PAIR, "Name a bird.", "A heron.", ["Name a bird.", "A heron.", "A herring."], "Name a bird."),
        (SOLUTION, SOLUTION.problem, "3 * 4 = 12.\nHm.\n2 + 12 = 15.", None, SOLUTION.problem),
        (PAGE, "tides", PAGE.page, [PAGE.page], PAGE.page),
        (LABELLED, "", LABELLED.text, [LABELLED.text], LABELLED.text),
    ],
)
def test_a_kind_says_which_texts_count_and_what_must_be_new(
    row: Candidate, prompt: str, response: str, texts: list[str] | None, novelty_key: str
) -> None:
    assert (row.prompt, row.response, row.novelty_key) == (prompt, response, novelty_key)
    assert row.texts() == (texts or [prompt, response])
    assert list(row.views()) == [row]


def test_only_a_row_on_a_document_refuses() -> None:
    assert Rephrased(text=DOCUMENT, asked=QUESTION, said=DOES_NOT_SAY).refuses
    assert not Rephrased(text=DOCUMENT, asked=QUESTION, said=ANSWER).refuses
    assert not Rephrased(asked=QUESTION, said=DOES_NOT_SAY).refuses


def test_a_row_takes_the_outputs_that_it_has_fields_for() -> None:
    row = Task(task="old")
    row.take({"task": "new", "reasoning": "none"})
    assert row == Task(task="new")


def test_values_for_a_part_go_to_the_field_that_holds_it() -> None:
    row = Rephrased()
    row.take({"document": DOCUMENT, "prompt": QUESTION, "response": ANSWER})
    assert row == Rephrased(text=DOCUMENT, asked=QUESTION, said=ANSWER)


def test_a_row_class_keeps_the_parts_of_its_kind_but_for_those_it_names() -> None:
    class Titled(Page, prompt="title"):
        title: str = ""

    row = Titled(title="Tides", topic="the sea", page=PAGE.page)
    assert (row.prompt, row.response, row.document) == ("Tides", PAGE.page, None)
    assert PAGE.prompt == "tides"


def test_a_part_must_be_a_field() -> None:
    with pytest.raises(TypeError, match="Odd has no field 'qestion' for its prompt"):

        class Odd(Rephrased, prompt="qestion"):
            question: str = ""


def test_whoever_wrote_a_text_of_the_ranking_wrote_the_row() -> None:
    others = [Ranked(model=name, rank=rank, answer=f"Answer {rank}.") for rank, name in enumerate("cba", 1)]
    row = PAIR.model_copy(update={"models": ["c", "a"], "ranking": others})
    assert row.writers == ["c", "a", "b"]
    assert row.texts() == PAIR.texts()


def test_each_distinct_text_of_a_reply_gives_a_row_and_none_gives_a_dropped_one() -> None:
    rows = one_each(Task(parent="old"), "task", ["one", "", "two", "one", "three"], 2, "list")
    assert rows == [Task(parent="old", task="one"), Task(parent="old", task="two")]
    [row] = one_each(Task(parent="old"), "task", ["", ""], 2, "list")
    assert row.dropped == Drop(step="list", reason="no task")


# kinds


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        *((row, row) for row in KINDS),
        (Rephrased, Chat),
        (QA, Chat),
        (Task, Prompt),
        (Page, Text),
        (type("Scored", (Preference,), {}), Preference),
    ],
)
def test_a_recipes_rows_are_of_the_kind_that_they_subclass(row: type[Candidate], kind: type[Candidate]) -> None:
    assert kind_of(row) is kind


@pytest.mark.parametrize("row", [Candidate, Exchange])
def test_rows_of_no_kind_are_named(row: type[Candidate]) -> None:
    with pytest.raises(TypeError, match=f"{row.__name__} is of no kind: subclass Chat, Prompt, .*, Labelled"):
        kind_of(row)


@pytest.mark.parametrize("recipe", recipes())
def test_every_recipe_gives_rows_of_a_kind(recipe: str) -> None:
    assert kind_of(recipes()[recipe].program.row) in KINDS
