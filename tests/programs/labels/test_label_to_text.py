"""label-to-text: labels are dealt by exact shares, and a text in which another label is found is no row."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scripted_program import Inputs, Script, Scripted, teaching
from support.shipped import examples_of, seeds_of, sources_of

from metrics.metric import Bars, Metric
from metrics.worth import HOPE
from optimize.scoring import score_step
from programs.core.background import run_sync
from programs.core.feed import FeedInput, first_sources
from programs.core.labels import Labels
from programs.core.program import Program
from programs.core.recipe import recipes
from programs.core.row import Source
from programs.labels.label_to_text import LabelToTextOptions, TextForLabel
from seedbed.models.hashed_words import hashed_words as embed

RECIPE = recipes()["label-to-text"]
SEEDS, SOURCES = seeds_of(RECIPE), sources_of(RECIPE)
METRIC = Metric(RECIPE, embed, Bars(), shown=[seed.shown for seed in SEEDS])
TEXT = "The shop owes me 12 euros for a lamp that never came on, and I want them back."


def feed(seeds: Any = SEEDS, **options: Any) -> Labels:
    return Labels(FeedInput(SOURCES, seeds, LabelToTextOptions(**options)))


def source_of(label: str) -> Source:
    return next(source for source in first_sources(feed(), 8) if source.origin["label"] == label)


def row_of(script: Script, label: str = "refund", **options: Any) -> tuple[TextForLabel, Scripted]:
    """The row that a teacher writes for a label by this script."""
    program: Program = RECIPE.program(LabelToTextOptions(**options))
    with teaching(program, script, veto=METRIC.veto) as engine:
        return program(**source_of(label).inputs).candidates[0], engine


def reason(row: TextForLabel) -> str | None:
    return row.dropped and row.dropped.reason


def in_turn(*labels: str) -> Script:
    """A classifier that finds these labels, one a call."""
    replies = iter(labels)
    return {"write_text": {"text": TEXT}, "classify": lambda _: {"label": next(replies)}}


# the labels


def test_labels_have_equal_shares_at_any_time() -> None:
    for n in (8, 80, 83):
        counts = Counter(source.origin["label"] for source in first_sources(feed(), n))
        assert set(counts.values()) <= {n // 8, n // 8 + 1}


@settings(max_examples=20)
@given(st.integers(0, 9), st.integers(1, 9))
def test_shares_are_exact(refund: int, finding: int) -> None:
    total = 6 + refund + finding
    sources = first_sources(feed(shares={"refund": refund, "finding": finding}), 5 * total)
    counts = Counter(source.origin["label"] for source in sources)
    assert (counts["refund"], counts["finding"], counts["tracing"]) == (5 * refund, 5 * finding, 5)


@pytest.mark.parametrize("shares", [{"refnud": 1}, dict.fromkeys([source.inputs["label"] for source in SOURCES], 0)])
def test_shares_that_fit_no_label_are_an_error(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="shares: "):
        feed(shares=shares)


def test_every_row_is_a_group_of_its_own() -> None:
    sources = first_sources(feed(), 40)
    assert len({source.group for source in sources}) == 40


def test_a_prompt_shows_texts_of_its_label_alone_and_names_their_seeds() -> None:
    texts = {(seed.id, seed.label): seed.text for seed in SEEDS}
    sources = first_sources(feed(), 80)
    for source in sources:
        assert 2 <= len(source.inputs["examples"].splitlines()) == 4
        assert all(texts[id, source.origin["label"]] in source.inputs["examples"] for id in source.shown)
    assert {id for source in sources for id in source.shown} == {seed.id for seed in SEEDS}  # they take turns
    (bare, *_) = first_sources(feed(seeds=[]), 1)
    assert not bare.shown
    assert len(bare.inputs["examples"].splitlines()) == 2  # of the file of labels


# the round trip


@pytest.mark.parametrize(
    ("votes", "rejected"),
    [
        (["refund", "Refund.", "refund"], None),
        (["refund", "complaint", "refund"], "another label"),
        (["complaint"] * 3, "another label"),
        (["refund: money back"] * 3, "another label"),  # `classify` is asked for the name alone
    ],
)
def test_a_text_in_which_another_label_is_found_is_out(votes: list[str], rejected: str | None) -> None:
    row, engine = row_of(in_turn(*votes))
    assert reason(row) == rejected
    assert row.votes == votes
    assert len(engine.asked("classify")) == 3


def test_a_vote_that_cannot_be_read_is_no_agreement() -> None:
    row, _ = row_of({"write_text": {"text": TEXT}, "classify": "hm"})
    assert reason(row) == "unreadable reply"


def test_the_classifier_is_not_told_which_label_was_asked_for() -> None:
    def asked(label: str) -> list[Inputs]:
        return row_of({"write_text": {"text": TEXT}, "classify": {"label": label}}, label)[1].asked("classify")

    assert asked("refund") == asked("complaint") == asked("tracing")
    assert {*asked("refund")[0]} == {"task", "labels", "text"}
    assert all(source.inputs["definition"] in asked("refund")[0]["labels"] for source in SOURCES[:4])


def test_a_text_is_worth_what_the_classifier_says_of_it() -> None:
    examples = [example for example in examples_of(RECIPE)["write_text"] if example.label == "refund"][:3]
    scores = {}
    for label in ("refund", "tracing"):
        program = RECIPE.program()
        with teaching(program, {"write_text": {"text": TEXT}, "classify": {"label": label}}):
            scores[label] = run_sync(score_step(program, "write_text", examples, METRIC))
    assert scores["refund"] == [1.0] * 3
    assert max(scores["tracing"]) <= HOPE


def test_no_example_shows_its_own_answer() -> None:
    examples = examples_of(RECIPE)
    assert len(examples["write_text"]) == len(examples["classify"]) == len(SEEDS)
    assert not [example for example in examples["write_text"] if example.text in example.examples]


# the text


@pytest.mark.parametrize(
    ("label", "text", "rejected"),
    [
        ("refund", "I want a refund for the lamp.", "names its label"),
        ("refund", "Please have the lamp refunded.", "names its label"),
        ("refund", TEXT, None),
        ("complaint", "I wish to complain about the queue.", "names its label"),
        ("complaint", "The queue was completely out of hand.", None),
        ("interpretation", "The figures may be interpreted so: the lamps were new.", "names its label"),
        ("interpretation", "It is of interest that the lamps were new.", None),
        ("late delivery", "The delivery of the lamp was far too late.", "names its label"),
        ("late delivery", "It is late, and there is still no lamp.", None),
        ("no", "There is no lamp.", None),  # a label of function words names nothing
        ("car", "Please be careful with the lamp.", None),
        ("ham", "Two hams came without a lamp.", "names its label"),
        ("pos", "Is it possible to return the lamp?", None),
        ("天气", "今天他很生气。", None),
        ("天气", "今天天气很好。", "names its label"),
    ],
)
def test_a_text_that_names_its_label_is_out(label: str, text: str, rejected: str | None) -> None:
    drop = run_sync(METRIC.veto(TextForLabel(task="t", label=label, text=text)))
    assert (drop and drop.reason) == rejected


@pytest.mark.parametrize(
    ("text", "rejected"),
    [
        (f"Hello. {SOURCES[2].inputs['examples'][0]}", "copied example"),  # of the file of labels, which is no seed
        ("The writer wants money back: the postage, a fee, or the worth of what was sent.", "definition, no text"),
        ("complaint: The writer tells of bad conduct or poor service and wants it noted.", "definition, no text"),
        ("The writer of the letter wants money back, and I am not the one to pay it.", None),
    ],
)
def test_a_text_that_repeats_what_its_prompt_says_is_out(text: str, rejected: str | None) -> None:
    examples = "\n".join(SOURCES[2].inputs["examples"])
    program = RECIPE.program()
    with teaching(program, {"write_text": {"text": text}, "classify": {"label": "refund"}}, veto=METRIC.veto) as engine:
        (row,) = program(**{**source_of("refund").inputs, "examples": examples}).candidates
    assert reason(row) == rejected
    assert bool(engine.asked("classify")) == (rejected is None)


def test_a_definition_of_few_words_may_stand_in_a_text() -> None:
    text = "I have a question about my bill: the lamp is on it twice, and I bought one."
    row = TextForLabel(task="t", label="billing", definition="a question", text=text)
    assert run_sync(METRIC.veto(row)) is None


def test_a_compile_does_not_reward_a_copy_of_an_example() -> None:
    (row,) = RECIPE.program().read(
        "write_text", {"examples": "- My lamp came broken in two."}, {"text": "My lamp came broken in two."}
    )
    assert reason(row) == "copied example"


def test_no_vote_is_paid_for_a_text_that_a_check_rejects() -> None:
    row, engine = row_of({"write_text": {"text": SEEDS[0].text}}, "tracing")
    assert reason(row) == "copied seed"
    assert not engine.asked("classify")
