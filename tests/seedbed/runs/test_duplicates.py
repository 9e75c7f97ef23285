"""Duplicates: what is refused is there already, what is nearly there is found, and neither chance nor size matter."""

import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bags import embed
from support.kinds import Page, Task

from programs.core.kinds import Preference
from programs.core.row import Candidate, Drop, Exchange
from programs.core.text import rouge_l, words
from programs.qa.grounded_qa import QA
from seedbed.runs.dedup.duplicates import Duplicates
from seedbed.runs.dedup.lsh import BANDS, NEWEST, RECALL, banding

WORDS = ["bee", "hive", "honey", "queen", "wax", "smoke", "comb", "drone", "nectar", "swarm", "the", "of", "in"]
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join)
bars = st.sampled_from([0.5, 0.7, 0.9, 1.0])


def row(asked: str, said: str = "") -> Exchange:
    return Exchange(asked=asked, said=said)


def let_in(duplicates: Duplicates, rows: Sequence[Candidate]) -> list[int]:
    """The positions of the rows that were not refused."""
    kept = []
    for position, one in enumerate(rows):
        if duplicates.refusal(one) is None:
            duplicates.remember(one)
            kept.append(position)
    return kept


def drawn(n: int, length: int = 12, seed: int = 0) -> list[str]:
    """Texts of words that are drawn from many, so that no two are alike."""
    chance = random.Random(seed)
    return [" ".join(f"w{chance.randrange(20_000)}" for _ in range(length)) for _ in range(n)]


def edited(text: str, chance: random.Random) -> str:
    """A text with one word changed, left out or put in."""
    known = text.split()
    place, new = chance.randrange(len(known)), f"x{chance.randrange(20_000)}"
    middle = chance.choice([[new], [], [new, known[place]]])
    return " ".join([*known[:place], *middle, *known[place + 1 :]])


@given(texts, texts, bars)
def test_a_row_is_refused_after_itself(asked: str, said: str, bar: float) -> None:
    duplicates = Duplicates(bar)
    assert duplicates.refusal(row(asked, said)) is None
    duplicates.remember(row(asked, said))
    again = duplicates.refusal(row(asked.upper() + "?", said))
    assert again == Drop(step="duplicate", reason="exact duplicate", detail=asked.upper() + "?")


def test_without_remember_nothing_is_known() -> None:
    duplicates = Duplicates(0.9)
    assert duplicates.refusal(row("What do bees eat?")) is None
    assert duplicates.refusal(row("What do bees eat?")) is None


@given(st.lists(texts, max_size=30), bars)
def test_what_is_refused_is_as_alike_as_it_says(asked: list[str], bar: float) -> None:
    duplicates, kept = Duplicates(bar), list[str]()
    for text in asked:
        if (drop := duplicates.refusal(row(text))) is None:
            duplicates.remember(row(text))
            kept.append(text)
        elif drop.reason == "near duplicate":
            likenesses = [(rouge_l(text, one), one) for one in kept]
            assert max(likenesses)[0] >= bar
            assert drop.detail in [f"ROUGE-L {likeness:.2f} with {one!r}" for likeness, one in likenesses]
        else:
            assert text in kept


@given(texts, texts, bars)
def test_of_two_rows_either_is_refused_after_the_other(one: str, other: str, bar: float) -> None:
    assert len(let_in(Duplicates(bar), [row(one), row(other)])) == len(let_in(Duplicates(bar), [row(other), row(one)]))


@settings(max_examples=20)
@given(st.lists(texts, min_size=1, max_size=12, unique=True), st.randoms(use_true_random=False))
def test_whether_a_row_is_refused_does_not_depend_on_the_order_of_those_before(
    asked: list[str], chance: random.Random
) -> None:
    *before, last = asked
    apart = [text for text in before if all(rouge_l(text, one) < 0.7 for one in before if one != text)]
    shuffled = chance.sample(apart, len(apart))
    refused = []
    for order in (apart, shuffled):
        duplicates = Duplicates(0.7)
        assert len(let_in(duplicates, [row(text) for text in order])) == len(order)
        refused.append(duplicates.refusal(row(last)) is None)
    assert refused[0] == refused[1]


@pytest.mark.parametrize("bar", [0.5, 0.7, 0.9])
def test_near_duplicates_are_found_before_and_after_rows_are_put_away(bar: float) -> None:
    asked = drawn(NEWEST + 1000)
    duplicates = Duplicates(bar)
    assert len(let_in(duplicates, [row(text) for text in asked])) == len(asked)
    chance = random.Random(1)
    near = [edited(text, chance) for text in chance.sample(asked[:NEWEST], 300) + chance.sample(asked[NEWEST:], 300)]
    found = [duplicates.refusal(row(text)) for text in near]
    assert sum(drop is not None for drop in found[:300]) >= RECALL * 300
    assert sum(drop is not None for drop in found[300:]) >= RECALL * 300
    assert {drop.reason for drop in found if drop} == {"near duplicate"}
    assert not any(duplicates.refusal(row(text)) for text in drawn(300, seed=2))
    assert all(duplicates.refusal(row(text)) for text in asked[::100])


def test_rows_are_known_however_often_rows_were_put_away(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("lsh", "duplicates"):
        monkeypatch.setattr(f"seedbed.runs.dedup.{module}.NEWEST", 50)
    asked, chance = drawn(240), random.Random(1)
    duplicates = Duplicates(0.7)
    assert len(let_in(duplicates, [row(text) for text in asked])) == len(asked)
    near = [duplicates.refusal(row(edited(text, chance))) for text in asked]
    assert sum(drop is not None for drop in near) >= RECALL * len(near)
    assert all(duplicates.refusal(row(text)) for text in asked)


def test_a_short_question_with_a_word_more_is_found() -> None:
    duplicates = Duplicates(0.9)
    let_in(duplicates, [row("In what country is Normandy located?", "France")])
    drop = duplicates.refusal(row("In what country is Normandy still located?", "In France"))
    assert drop == Drop(
        step="duplicate",
        reason="near duplicate",
        detail="ROUGE-L 0.92 with 'In what country is Normandy located?'",
    )
    assert duplicates.refusal(row("In what country is Burgundy located?", "France")) is None  # 5 of 6 words


def test_repeated_words_count_as_often_as_they_stand_there() -> None:
    duplicates = Duplicates(0.9)
    let_in(duplicates, [row("no " * 19 + "honey")])
    assert duplicates.refusal(row("no " * 19 + "wax")) is not None
    assert duplicates.refusal(row("no honey")) is None


def test_the_response_makes_no_row_new_and_the_document_is_no_part_of_the_topic() -> None:
    first = QA(passage="The Alps are high.", question="How high are the Alps here?", answer="High.")
    duplicates = Duplicates(0.9)
    assert let_in(duplicates, [first]) == [0]
    other = QA(passage="The Alps are 4,808 m high.", question="How high are the Alps here?", answer="4,808 m.")
    drop = duplicates.refusal(other)
    assert drop is not None
    assert drop.reason == "near duplicate"


def test_a_topic_without_a_word_is_only_compared_exactly() -> None:
    duplicates = Duplicates(0.5)
    assert let_in(duplicates, [row("?!", "yes"), row("...", "no"), row("", "yes")]) == [0, 1]


PARENT = "Explain to a friend how a heat pump warms a house in winter."
CHILD = "Explain to a friend how a heat pump warms a house in summer."


def test_a_row_may_be_near_the_text_that_it_was_given_but_not_another() -> None:
    duplicates = Duplicates(0.7)
    assert let_in(duplicates, [Task(task=PARENT), Task(task=CHILD, parent=PARENT)]) == [0, 1]
    sibling = Task(task=CHILD.replace("friend", "pupil"), parent=PARENT)
    drop = duplicates.refusal(sibling)
    assert drop is not None
    assert CHILD in drop.detail
    assert duplicates.refusal(sibling.model_copy(update={"parent": CHILD})) is not None
    exact = duplicates.refusal(Task(task=PARENT, parent=PARENT))
    assert exact is not None
    assert exact.reason == "exact duplicate"


def test_a_row_may_mean_what_it_was_given_but_not_what_another_means() -> None:
    duplicates = Duplicates(1.0, cosine=0.8, embed=embed)
    assert let_in(duplicates, [Task(task=PARENT), Task(task=CHILD, parent=PARENT)]) == [0, 1]
    evolved = "How a heat pump warms a house in winter: explain it to a friend."
    assert duplicates.refusal(Task(task=evolved)) == Drop(
        step="duplicate", reason="near duplicate", detail=f"cosine 1.00 with {PARENT!r}"
    )
    drop = duplicates.refusal(Task(task=evolved, parent=PARENT))
    assert drop is not None
    assert drop.detail.endswith(f"with {CHILD!r}")
    lone = Duplicates(1.0, cosine=0.8, embed=embed)
    assert let_in(lone, [Task(task=PARENT), Task(task=evolved, parent=PARENT)]) == [0, 1]


class Unkeyed(Task):
    """A row whose prompt need not be new."""

    @property
    def novelty_key(self) -> str:
        return ""


def test_without_a_novelty_key_only_exact_duplicates_are_refused() -> None:
    duplicates = Duplicates(0.5, cosine=0.5, embed=embed)
    unkeyed = [Unkeyed(task=task, parent="a seed") for task in (PARENT, CHILD, PARENT.upper())]
    assert let_in(duplicates, unkeyed) == [0, 1]
    assert let_in(duplicates, [Task(task=CHILD + " Now!"), Task(task=CHILD + " Then!")]) == [0]


def test_a_pair_is_another_if_its_rejected_answer_is() -> None:
    first = Preference(instruction="Name a bird.", chosen_answer="A heron.", rejected_answer="A herring.")
    other = first.model_copy(update={"instruction": "Name a bird", "rejected_answer": "A whale."})
    duplicates = Duplicates(0.9)
    assert let_in(duplicates, [first]) == [0]
    drops = [duplicates.refusal(first), duplicates.refusal(other)]
    assert [drop and drop.reason for drop in drops] == ["exact duplicate", "near duplicate"]


def test_of_a_text_only_the_text_counts() -> None:
    duplicates = Duplicates(0.9)
    tides = "The sea rises and falls twice a day, for the moon draws it."
    assert let_in(duplicates, [Page(topic="tides", page=tides), Page(topic="tides", page="Herons fish at dusk.")]) == [
        0,
        1,
    ]
    exact, near = Page(topic="moons", page=tides.upper()), Page(topic="moons", page=tides + " So it is.")
    assert [drop and drop.reason for drop in map(duplicates.refusal, (exact, near))] == ["exact duplicate", None]
    assert duplicates.refusal(Page(topic="moons", page=tides.replace("draws", "pulls"))) is not None


def test_a_long_topic_is_quoted_in_short() -> None:
    duplicates = Duplicates(0.9)
    long = drawn(1, length=300)[0]
    let_in(duplicates, [row(long)])
    drop = duplicates.refusal(row(long, "other"))
    assert drop is not None
    assert len(drop.detail) < 250


def test_meaning_counts_where_a_cosine_is_given() -> None:
    one, other = "Where do bees keep honey?", "Honey: bees keep it where?"
    plain, close = Duplicates(0.9), Duplicates(0.9, cosine=0.95, embed=embed)
    assert let_in(plain, [row(one), row(other)]) == [0, 1]
    assert let_in(close, [row(text) for text in ("Why do queens leave hives?", one)]) == [0, 1]
    assert close.refusal(row(other)) == Drop(
        step="duplicate", reason="near duplicate", detail=f"cosine 1.00 with {one!r}"
    )
    more = drawn(1100, length=3)
    assert len(let_in(close, [row(text) for text in more])) > 1000
    assert close.refusal(row(other)) is not None


def test_another_process_refuses_the_same_rows() -> None:
    """Python's hashes of texts differ from process to process."""
    script = (
        "import random; from programs.core.row import Exchange\n"
        "from seedbed.runs.dedup.duplicates import Duplicates\n"
        "chance = random.Random(3); d = Duplicates(0.6)\n"
        "for _ in range(400):\n"
        "    r = Exchange(asked=' '.join(chance.choices('bee hive honey queen wax smoke comb drone'.split(), k=6)))\n"
        "    drop = d.refusal(r); print(drop and drop.detail)\n"
        "    drop or d.remember(r)\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert "ROUGE-L" in said[0]


@given(st.floats(0.45, 1, exclude_min=True))
def test_the_bands_find_pairs_at_the_bar(bar: float) -> None:
    bands, width = banding(bar)
    assert 1 <= bands <= BANDS
    assert 1 - (1 - (bar / (2 - bar)) ** width) ** bands >= RECALL - 1e-9


@given(texts, texts, bars)
def test_the_bags_are_at_least_as_alike_as_the_texts(one: str, other: str, bar: float) -> None:
    """What the bands rest on: ROUGE-L is at most the Dice coefficient of the bags of words."""
    ours, theirs = Counter(words(one)), Counter(words(other))
    assert rouge_l(one, other) <= 2 * (ours & theirs).total() / (ours.total() + theirs.total()) + 1e-9
