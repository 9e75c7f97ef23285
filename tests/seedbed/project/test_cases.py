"""A metric is fitted to the verdicts, and to rows made by rule where these are too few."""

from metrics.calibration.verdicts import LabelledCase
from seedbed.project.cases import LEAST, cases_of

SEEDS = [
    LabelledCase(
        id=f"s-{number}",
        group=f"d{number % 5}",
        document=f"The bridge of Arn{number} opened in 19{number:02}. It has {number + 2} arches.",
        question=f"When did the bridge of Arn{number} open?",
        answer=f"in 19{number:02}",
        label=1,
    )
    for number in range(30)
]


def verdicts(n: int, best: float = 1.0, *, two_kinds: bool = True) -> list[LabelledCase]:
    return [
        case.model_copy(update={"id": f"v-{place}", "label": best if place % 2 or not two_kinds else 0.0})
        for place, case in enumerate((SEEDS * 3)[:n])
    ]


def test_verdicts_that_suffice_stand_alone() -> None:
    labels = verdicts(LEAST)
    assert cases_of(labels, SEEDS, list) == labels


def test_few_verdicts_are_filled_up_with_good_and_bad_rows_in_turn() -> None:
    labels = verdicts(20)
    cases = cases_of(labels, SEEDS, list)
    more = cases[len(labels) :]
    assert (cases[:20], len(cases)) == (labels, LEAST)
    assert [case.label for case in more if isinstance(case, LabelledCase)] == [1, 0] * 20
    assert {case.made for case in more if case.label == 0} == {"rule"}


def test_grades_are_filled_up_with_the_best_grade() -> None:
    more = cases_of(verdicts(20, best=5.0), SEEDS, list)[20:]
    assert {case.label for case in more} == {0, 5}


def test_good_verdicts_alone_bring_their_own_bad_rows() -> None:
    labels = verdicts(10, two_kinds=False)
    cases = cases_of(labels, SEEDS, list)
    assert cases[:10] == labels
    assert {case.label for case in cases[10:]} == {0}


def test_where_nothing_is_of_two_kinds_there_is_nothing_to_fit() -> None:
    assert cases_of([], [], list) == []
