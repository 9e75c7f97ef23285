"""What changed between two prompts: both can be read from the changes, and what is equal is shown as equal."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from seedbed.reports.html.sections.word_diff import Change, word_diff

texts = st.lists(st.sampled_from(["the", "a document", "answer", "in one sentence.", "\n", " ", "[user]"]), max_size=30)


@given(texts, texts)
def test_the_changes_lead_from_one_text_to_the_other(before: list[str], after: list[str]) -> None:
    first, second = "".join(before), "".join(after)
    changes = word_diff(first, second)
    assert "".join(change.text for change in changes if change.kind != "inserted") == first
    assert "".join(change.text for change in changes if change.kind != "deleted") == second
    assert all(change.text for change in changes)
    assert all(one.kind != other.kind for one, other in itertools.pairwise(changes))


def test_a_changed_word_is_marked_within_its_line() -> None:
    assert word_diff("Answer in one sentence.\nBe brief.\n", "Answer in two sentences.\nBe brief.\n") == [
        Change("same", "Answer in "),
        Change("deleted", "one"),
        Change("inserted", "two"),
        Change("same", " "),
        Change("deleted", "sentence"),
        Change("inserted", "sentences"),
        Change("same", ".\nBe brief.\n"),
    ]


def test_a_new_line_is_marked_whole() -> None:
    before, after = "Be brief.\n", "The kettle boils when it is full.\nBe brief.\n"
    assert word_diff(before, after) == [
        Change("inserted", "The kettle boils when it is full.\n"),
        Change("same", "Be brief.\n"),
    ]
