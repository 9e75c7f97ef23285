"""What TinyStories promises: the three words in every story, no words twice, and a text that a child understands."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from support.paths import DATA
from support.scripted_program import Scripted, teaching
from support.shipped import seeds_of, verdicts_of

from metrics.metric import Bars, Metric
from programs.core.feed import FeedInput, first_sources
from programs.core.recipe import recipes
from programs.core.row import Drop, Source
from programs.core.text import sentences
from programs.texts.tiny_stories import (
    CLASSES,
    FEATURES,
    Story,
    TinyStories,
    TinyStoriesOptions,
    Triples,
    without_title,
)
from seedbed.models.hashed_words import hashed_words as embed
from seedbed.sources.lists import read_list

RECIPE = recipes()["tiny-stories"]
SEEDS = seeds_of(RECIPE)
WORDS = ("run", "apple", "happy")
STORY = " ".join(
    [
        "Tom was a small boy who lived by a wood.",
        "One day he ran to the old tree behind the house.",
        "There hung two red apples, and both were too high for him.",
        "He called his sister Ann, and she came with a chair.",
        "Tom stood on the chair, and Ann held it with both hands.",
        "He got one of them and gave it to her.",
        "Then he got the other one for himself.",
        "A bird looked down at them and sang a song.",
        "They sat in the grass and ate until the sun went down.",
        "Happily they went home to their mother, and each had a round belly.",
    ]
)
CHILD = {"words": WORDS, "features": ["dialogue"]}


def told(
    story: str, *, options: dict[str, Any] | None = None, shown: Sequence[str] = (), **inputs: Any
) -> tuple[Story, Scripted]:
    """The row of a story, as the metric's checks leave it."""
    program = TinyStories(TinyStoriesOptions(**options or {}))
    metric = Metric(RECIPE, embed, Bars(relevance=0.1), shown=shown)
    script = {"tell": {"story": story}, "summarise": {"summary": "Tom and Ann eat two apples."}}
    with teaching(program, script, veto=metric.veto) as engine:
        (row,) = program(**CHILD | inputs).candidates
    return row, engine


def reason(story: str, **inputs: Any) -> str | None:
    row, _ = told(story, **inputs)
    return row.dropped and row.dropped.reason


CALL = Source(id="call", group="call", inputs={})


def deals(*lists: list[str], seed: int = 0, vocabulary: list[str] | None = None, **options: Any) -> Triples:
    """A feed over these verbs, nouns and adjectives."""
    items = [f"{kind} {word}" for kind, group in zip(CLASSES, lists, strict=True) for word in group]
    pairs = {"words": items, "vocabulary": vocabulary or []}
    sources = [Source(id=name, group=name, inputs={"name": name, "items": of}) for name, of in pairs.items()]
    return Triples(FeedInput(sources, [], TinyStoriesOptions(**options), seed))


def shipped(seed: int = 0) -> Triples:
    names = ("words", "vocabulary")
    items = {name: read_list(str(DATA / "lists" / f"{name}.txt"), DATA) for name in names}
    sources = [Source(id=name, group=name, inputs={"name": name, "items": items[name]}) for name in names]
    return Triples(FeedInput(sources, [], TinyStoriesOptions(), seed))


# the story


def test_a_story_has_its_words_in_any_form() -> None:
    row, _ = told(STORY)
    assert row.dropped is None
    assert row.columns()["text"] == STORY
    assert (row.words, row.features) == ([*WORDS], ["dialogue"])


@pytest.mark.parametrize(("word", "other"), [("ran", "went"), ("apples", "pears"), ("Happily", "Soon")])
def test_a_story_without_one_of_its_words_is_out(word: str, other: str) -> None:
    assert word in STORY
    assert reason(STORY.replace(word, other)) == "word missing"


@pytest.mark.parametrize("title", ["The Apple", "# The apple.", "Title: The Apple.", "**The Red Apple**"])
def test_a_word_that_stands_in_the_title_alone_does_not_count(title: str) -> None:
    row, _ = told(f"{title}\n\n{STORY}")
    assert row.dropped is None
    assert row.story == STORY
    assert reason(f"{title}\n\n{STORY.replace('apples', 'pears')}") == "word missing"


def test_a_copy_of_a_seed_is_out() -> None:
    seed = SEEDS[0]
    assert reason(seed.story, words=seed.words) is None
    assert reason(seed.story, words=seed.words, shown=[seed.shown]) == "copied seed"


def test_a_first_sentence_is_no_title() -> None:
    first, *rest = sentences(STORY)
    assert told("\n".join([first, *rest]))[0].story == "\n".join([first, *rest])


@pytest.mark.parametrize(
    ("story", "dropped"),
    [
        (" ".join([*sentences(STORY)[:5], "Happily they ran."]), "length"),
        (f"{STORY} {STORY} {STORY} {STORY}", "repetition"),
        (STORY.replace("Then", "Plop! Plop! Plop! Plop! Then"), None),
        ("I'm sorry, but I can't write that story.", "refusal"),
        (STORY.replace("Tom", "{name}"), "template leak"),
    ],
)
def test_a_refrain_may_repeat_and_a_sentence_may_not(story: str, dropped: str | None) -> None:
    assert reason(story) == dropped


@pytest.mark.parametrize(
    ("shortest", "longest", "dropped"), [(109, 109, None), (110, 300, "length"), (1, 108, "length")]
)
def test_the_length_is_in_the_prompt_and_a_limit(shortest: int, longest: int, dropped: str | None) -> None:
    row, engine = told(STORY, options={"shortest": shortest, "longest": longest})
    assert engine.asked("tell")[0]["length"] == f"{shortest} to {longest} words"
    assert (row.dropped and row.dropped.reason) == dropped


# TinyStories-Instruct


def test_the_instruct_layout_has_words_features_summary_and_a_sentence_before_the_story() -> None:
    row, _ = told(STORY, options={"instruct": True})
    lines = row.columns()["text"].split("\n")
    assert lines[:3] == ["Words: run, apple, happy", "Features: dialogue", "Summary: Tom and Ann eat two apples."]
    assert lines[3].removeprefix("Sentence: ") in sentences(STORY)
    assert lines[4:] == ["Story:", STORY]


@pytest.mark.parametrize(("instruct", "story", "calls"), [(False, STORY, 1), (True, STORY, 2), (True, "Too short.", 1)])
def test_a_summary_is_paid_for_only_if_it_is_wanted_and_the_story_stands(
    instruct: bool, story: str, calls: int
) -> None:
    assert len(told(story, options={"instruct": instruct})[1].calls) == calls


def test_summaries_are_compiled_against_peoples() -> None:
    examples = RECIPE.examples(SEEDS, TinyStoriesOptions(instruct=True))
    assert [example.summary for example in examples["summarise"]] == [seed.summary for seed in SEEDS]
    assert not RECIPE.examples(SEEDS, TinyStoriesOptions())["summarise"]


# the words


GROUPS = st.tuples(*(st.integers(1, 5) for _ in CLASSES))


@given(GROUPS, st.integers(0, 9))
def test_every_three_words_come_once_and_then_no_more(sizes: tuple[int, ...], seed: int) -> None:
    groups = [[f"{kind}{n}" for n in range(size)] for kind, size in zip(CLASSES, sizes, strict=True)]
    sources = first_sources(deals(*groups, seed=seed), 1000)
    triples = [tuple(source.inputs["words"]) for source in sources]
    assert sorted(triples) == sorted(itertools.product(*groups))
    assert sources == first_sources(deals(*groups, seed=seed), 1000)


def test_each_word_and_each_number_of_features_comes_about_as_often_as_any_other() -> None:
    inputs = [source.inputs for source in first_sources(shipped(), 2000)]
    for place in range(len(CLASSES)):
        counts = Counter(source["words"][place] for source in inputs)
        assert max(counts.values()) <= 12
        assert len(counts) > 350
    numbers = Counter(len(source["features"]) for source in inputs)
    assert {*numbers} == {0, 1, 2, 3}
    assert min(numbers.values()) > 400
    assert {feature for source in inputs for feature in source["features"]} == {*FEATURES}


def test_another_seed_deals_other_words_and_lists_without_a_class_deal_none() -> None:
    assert first_sources(shipped(1), 5) != first_sources(shipped(2), 5)
    assert deals(["run"], [], ["red"]).source_at(0) is None


# the vocabulary


@pytest.mark.parametrize(
    ("story", "known"),
    [
        ("The cats ran to Zanzibara and back.", True),
        ("The cats ran to the metropolis and back.", False),
    ],
)
def test_a_child_knows_forms_and_names_and_no_hard_words(story: str, known: bool) -> None:
    vocabulary = ["the", "cat", "run", "to", "and", "back"]
    drop = deals(["run"], ["cat"], ["red"], vocabulary=vocabulary).accepts(CALL, Story(story=story))
    assert drop == (None if known else Drop(step="vocabulary", reason="hard words", detail="metropolis"))
    lenient = deals(["run"], ["cat"], ["red"], vocabulary=vocabulary, known=0.8)
    assert lenient.accepts(CALL, Story(story=story)) is None


def test_peoples_stories_pass_every_rule() -> None:
    feed = shipped()
    rows = [seed.row for seed in SEEDS]
    rows += [
        Story(words=re.findall(r"\w+", verdict.question)[1:4], story=verdict.answer)
        for verdict in verdicts_of(RECIPE)
        if verdict.label
    ]
    assert len(rows) == 36
    assert not [drop for row in rows if (drop := feed.accepts(CALL, row))]
    assert {reason(row.story, words=row.words) for row in rows} == {None}


@pytest.mark.parametrize(
    "story",
    [
        '"Run!" said Tom,\nand he ran away.',
        "Once there was a cat named Tom\nHe ran far.",
        "Title page fell out of the book.\n\nShe ran.",
        "Once upon a time…\n\nThere was a fox.",
    ],
)
def test_a_wrapped_first_line_is_no_title(story: str) -> None:
    assert without_title(story) == story


def test_a_summary_leaves_its_story_as_it_is() -> None:
    row = Story()
    row.take({"story": "# Kite\n\nA day in June\n\nThere was a kite."})
    row.take({"summary": "A kite flies."})
    assert row.story == "A day in June\n\nThere was a kite."


def test_words_are_found_whatever_their_case_and_there_is_one_a_line() -> None:
    (source,) = first_sources(deals(["run"], ["Dog"], ["red"]), 2)
    assert source.inputs["words"] == ["run", "dog", "red"]
    with pytest.raises(ValueError, match="'noun ice cream' is not a class"):
        deals(["run"], ["ice cream"], ["red"])


def test_a_story_is_no_shorter_than_it_is_long() -> None:
    with pytest.raises(ValidationError, match="it is less than shortest, which is 400"):
        TinyStoriesOptions(shortest=400)


def test_the_share_of_known_words_may_be_just_what_is_asked() -> None:
    feed = deals(["run"], ["dog"], ["red"], vocabulary=["dog"], known=0.9)
    assert feed.accepts(CALL, Story(story=f"{'dog ' * 90}{'zyx ' * 10}")) is None
    assert feed.accepts(CALL, Story(story=f"{'dog ' * 89}{'zyx ' * 11}"))
