"""What dialogue promises, against a teacher that follows a script (no model, no network)."""

from collections import Counter
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scripted_program import Inputs, Script, Scripted, teaching
from support.shipped import seeds_of

from metrics.metric import Bars, Metric
from programs.core.feed import FeedInput, first_sources
from programs.core.recipe import recipes
from programs.core.row import Exchange, Source
from programs.qa.dialogue import BEYOND, KINDS, OPEN, Dialogue, DialogueOptions, DialogueProgram, Turn, talk, turn
from seedbed.models.hashed_words import hashed_words as embed
from seedbed.project.cases import labelled
from signatures.refusal import DOES_NOT_SAY

RECIPE = recipes()["dialogue"]
PASSAGE = (
    "The K3 kettle holds 1.7 litres. Descale the K3 kettle once a month with citric acid in hard water areas. "
    "The kettle costs 49 euros and weighs 900 grams."
)
MESSAGES = (
    "How much does the K3 kettle hold?",
    "And how often should I descale that kettle?",
    "What does the kettle weigh then?",
)
ANSWERS = ("The K3 kettle holds 1.7 litres.", "Once a month, with citric acid.", "It weighs 900 grams.")


def written(*answers: str, kinds: Any = ("deepen", "clarify"), **changes: Any) -> tuple[Dialogue, Scripted]:
    """The talk whose answers are these, as checked by a run, and its teacher."""

    def place(inputs: Inputs) -> int:
        return inputs["history"].count("User: ")

    script: Script = {
        "open_dialogue": {"message": MESSAGES[0]},
        "follow_up": lambda inputs: {"message": MESSAGES[place(inputs)]},
        "reply": lambda inputs: {"answer": answers[place(inputs)]},
        **changes,
    }
    program, metric = DialogueProgram(), Metric(RECIPE, embed, Bars(relevance=0.1))
    with teaching(program, script, veto=metric.veto) as engine:
        (row,) = program(document=PASSAGE, kinds=kinds).candidates
    return row, engine


def reason(row: Dialogue) -> str | None:
    return row.dropped.reason if row.dropped else None


def test_every_answer_has_the_talk_before_it() -> None:
    row, engine = written(*ANSWERS)
    assert reason(row) is None
    assert row.exchanges == [
        Turn(kind=kind, message=message, answer=answer)
        for kind, message, answer in zip(("open", "deepen", "clarify"), MESSAGES, ANSWERS, strict=True)
    ]
    last = f"User: {MESSAGES[0]}\nAssistant: {ANSWERS[0]}\nUser: {MESSAGES[1]}\nAssistant: {ANSWERS[1]}"
    assert [asked["history"] for asked in engine.asked("reply")][::2] == ["none", last]
    assert [asked["history"] for asked in engine.asked("follow_up")][-1] == last


@pytest.mark.parametrize(
    ("bad", "exchanges", "why", "replies"),
    [(0, 1, "wrong number", 1), (1, 2, "wrong number", 2), (2, 2, None, 3)],
)
def test_a_number_that_the_passage_does_not_have_ends_the_talk_there(
    bad: int, exchanges: int, why: str | None, replies: int
) -> None:
    """A talk of two good exchanges stays; of a shorter one, the bad exchange is shown. Nothing more is paid for."""
    answers = [f"It is {90 + place} euros." if place == bad else text for place, text in enumerate(ANSWERS)]
    row, engine = written(*answers)
    assert (len(row.exchanges), reason(row), len(engine.asked("reply"))) == (exchanges, why, replies)
    assert (row.response == answers[bad]) is (why is not None)


@pytest.mark.parametrize(
    ("kind", "answer", "why"),
    [
        (BEYOND, "The document does not say", None),
        (BEYOND, ANSWERS[1], "answered beyond the document"),
        ("deepen", DOES_NOT_SAY, "unanswerable message"),
    ],
)
def test_what_the_document_does_not_say_is_said_where_it_is_asked_for_and_only_there(
    kind: str, answer: str, why: str | None
) -> None:
    row, _ = written(ANSWERS[0], answer, kinds=[kind])
    assert reason(row) == why
    assert row.refuses is (answer != ANSWERS[1])


def test_a_message_that_was_sent_before_is_not_answered() -> None:
    row, engine = written(*ANSWERS, follow_up={"message": MESSAGES[0].upper()})
    assert reason(row) == "repeated message"
    assert len(engine.asked("reply")) == 1


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (f"{MESSAGES[0]} Does it hold that much when it is cold?", "repeated message"),
        (f"{MESSAGES[1]} Kind: deepen: asks for more about something that the last answer named", "template words"),
        (f"And the kettle?\nUser: {MESSAGES[1]}", "template words"),
        (f"And does that K3 kettle hold much? {MESSAGES[1]}", None),
    ],
)
def test_a_message_takes_the_talk_further(message: str, why: str | None) -> None:
    row, engine = written(*ANSWERS[:2], kinds=["deepen"], follow_up={"message": message})
    assert reason(row) == why
    assert len(engine.asked("reply")) == (1 if why else 2)


@pytest.mark.parametrize(
    ("answers", "why"), [((ANSWERS[0], ANSWERS[0]), "repeated answer"), (("1.7 litres.", "1.7 litres."), None)]
)
def test_an_answer_of_some_length_is_given_once(answers: tuple[str, str], why: str | None) -> None:
    row, _ = written(*answers, kinds=["deepen"])
    assert reason(row) == why


turns = st.builds(Turn, kind=st.just("deepen"), message=st.text(min_size=1), answer=st.text())


@given(st.lists(turns, min_size=1, max_size=5), st.sampled_from(["user", "system", "none"]))
def test_messages_take_turns_and_end_with_the_assistant(exchanges: list[Turn], context: Any) -> None:
    messages = Dialogue(passage=PASSAGE, exchanges=exchanges, context=context).messages()
    system, talked = messages[: context == "system"], messages[context == "system" :]
    assert [message.role for message in talked] == ["user", "assistant"] * len(exchanges)
    assert [(message.role, message.content) for message in system] == [("system", PASSAGE)] * len(system)
    assert talked[0].content == (f"{PASSAGE}\n\n" if context == "user" else "") + exchanges[0].message
    assert [message.content for message in talked[1::2]] == [turn.answer for turn in exchanges]


def test_the_judge_of_turns_sees_the_talk_and_the_next_message() -> None:
    row = next(seed.row for seed in seeds_of(RECIPE))
    first, *later = row.views()
    assert not turn().sees(first)
    for place, view in enumerate(later, start=1):
        shown = turn().inputs(view)
        assert shown == {"question": talk(row.exchanges[:place]), "answer": row.exchanges[place].message}
        case = Exchange(text=row.passage, asked=shown["question"], said=shown["answer"])
        assert turn().inputs(case) == shown


@pytest.mark.parametrize(("exchanges", "beyond"), [(2, 0.15), (5, 0.15), (3, 0.0), (3, 1.0)])
def test_the_feed_deals_kinds(exchanges: int, beyond: float) -> None:
    sources = [Source(id=f"s-{place}", group="d", inputs={"document": PASSAGE}) for place in range(200)]
    options = DialogueOptions(exchanges=exchanges, beyond=beyond, draws=2)
    dealt = [source.inputs["kinds"] for source in first_sources(RECIPE.feed(FeedInput(sources, [], options)), 400)]
    assert {len(kinds) for kinds in dealt} == {exchanges - 1}
    assert all(count == 1 or kind == BEYOND for kinds in dealt for kind, count in Counter(kinds).items())
    counts = Counter(kind for kinds in dealt for kind in kinds)
    assert counts[BEYOND] / counts.total() == pytest.approx(beyond, abs=0.05)
    assert counts.keys() - {BEYOND} == (set() if beyond == 1 else KINDS.keys() - {BEYOND})


def test_a_seed_may_have_every_kind_that_is_asked_for_and_no_other() -> None:
    assert get_args(Turn.model_fields["kind"].annotation) == (OPEN, *KINDS)


def test_each_answer_of_a_seed_is_an_example() -> None:
    seeds = seeds_of(RECIPE)
    examples = RECIPE.examples(seeds, DialogueOptions())
    assert [len(examples[step]) for step in ("open_dialogue", "reply", "follow_up")] == [12, 36, 24]
    assert {example.group for example in examples["reply"]} == {seed.source for seed in seeds}
    without = RECIPE.examples(seeds, DialogueOptions(beyond=0))["follow_up"]
    assert not any(example.kind.startswith(BEYOND) for example in without)


def test_a_seed_is_a_case_of_its_first_exchange() -> None:
    """The later ones cannot be understood alone, and the whole talk is not what the metric looks at."""
    for seed in seeds_of(RECIPE):
        case, opening = labelled(seed), seed.exchanges[0]
        assert case
        assert (case.question, case.answer) == (opening.message, opening.answer)
