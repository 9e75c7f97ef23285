"""The extrinsic figure: rows that carry their label train a classifier; rows with shuffled labels do not."""

from support.bags import embed

from metrics.extrinsic import LabelledText, extrinsic

WORDS = {
    "weather": ["rain fell on the hill", "a warm wind blew", "snow covered the road", "the storm broke at noon"],
    "money": ["the bank raised its rate", "she paid the bill in cash", "the loan was repaid", "prices rose in spring"],
}


def texts(task: str, tail: str, *, swapped: bool = False) -> list[LabelledText]:
    names = [*WORDS]
    return [
        LabelledText(task, f"{text} {tail}", names[1 - names.index(label)] if swapped else label)
        for label, group in WORDS.items()
        for text in group
    ]


def test_rows_that_carry_their_label_classify_as_well_as_seeds() -> None:
    figures = extrinsic(texts("t", "again"), texts("t", "today"), texts("t", "then"), embed)
    assert figures
    assert (figures.by_rows.mean, figures.by_seeds.mean, figures.gain.mean) == (1.0, 1.0, 0.0)
    assert (figures.tested, figures.rows, figures.seeds, figures.chance) == (8, 8, 8, 0.5)


def test_rows_with_another_label_are_found_out() -> None:
    figures = extrinsic(texts("t", "again", swapped=True), texts("t", "today"), texts("t", "then"), embed)
    assert figures
    assert figures.by_rows.mean == 0.0
    assert figures.gain.high < 0


def test_rows_of_another_kind_can_be_told_from_real_texts() -> None:
    strange = [text._replace(text="zig zag zog") for text in texts("t", "")]
    near = extrinsic([*texts("t", "today"), *texts("t", "then")], texts("t", "today"), texts("t", "then"), embed)
    far = extrinsic(strange, texts("t", "today"), texts("t", "then"), embed)
    assert near
    assert far
    assert near.realness is not None
    assert far.realness is not None
    assert near.realness < 0.6 < 0.99 < far.realness


def test_each_task_has_its_own_classifier_and_one_that_cannot_be_trained_is_left_out() -> None:
    rows = [*texts("a", "again"), *texts("b", "again", swapped=True), *texts("c", "again")[:4]]
    seeds = [*texts("a", "today"), *texts("b", "today"), *texts("c", "today")]
    held_out = [*texts("a", "then"), *texts("b", "then"), *texts("c", "then")]
    figures = extrinsic(rows, seeds, held_out, embed)
    assert figures
    assert (figures.tested, figures.by_rows.mean) == (16, 0.5)
    assert extrinsic(rows[16:], seeds, held_out, embed) is None


def test_chance_is_that_of_each_task() -> None:
    def named(tail: str) -> list[LabelledText]:
        return [text._replace(label=f"{text.task} {text.label}") for task in "ab" for text in texts(task, tail)]

    figures = extrinsic(named("again"), named("today"), named("then"), embed)
    assert figures
    assert (figures.tested, figures.by_rows.mean, figures.chance) == (16, 1.0, 0.5)
