"""A verdict or a grade is read in every way in which judges write it; what decides nothing for certain is none."""

import pytest
from support.reading import SEEKING, read, written

YES = [
    "yes",
    "Yes.",
    "YES",
    "**yes**",
    "`yes`",
    '"yes"',
    "'Yes'",
    "[yes]",
    "[[yes]]",
    "(yes)",
    "\\boxed{yes}",
    "yes\u200b",
    "ｙｅｓ",
]
YES += [
    "Yes, it does.",
    "Yes: it does",
    "Yes - it says so",
    "Yes – it says so",
    "yes because it says so",
    "Yes\nIt says so.",
]
YES += [
    "The answer is yes.",
    "Verdict: yes",
    "**Verdict:** Yes",
    "final verdict: **Yes**",
    "My decision is: yes",
    "true",
    "True",
]
YES += [
    "It says so. Therefore, the verdict is yes.",
    "Yes. There is no doubt.",
    "['yes']",
    '{"verdict": "yes"}',
    "Ja",
    "是",
    "Sí.",
]
UNDECIDED = [
    "",
    "yes or no",
    "yes/no",
    "Yes and no",
    "yes, no",
    "not yes",
    "The answer is not yes",
    "yesterday",
    "Yes, but no",
]
UNDECIDED += [
    "Yes, but the year is wrong.",
    "yes if the document answers it, else no",
    "no doubt, yes",
    "Yes.\nNo.",
    "Yes. Wait, no.",
]
UNDECIDED += [
    "Verdict: yes\nVerdict: no",
    "yes\n\nFinal verdict: no",
    "maybe",
    "n/a",
    "It does, yes",
    "No breach is found",
    "None",
    "null",
]
UNDECIDED += ["The verdict is no longer open", '{"verdict": null}', '["yes", "no"]', "mostly yes", "y/n", "yes no", "1"]
UNDECIDED += [
    "It would be wrong to say the verdict is yes.",
    "If the answer is yes, the document must say so.",
    "Whether the answer is yes: unclear",
    "I do not think the verdict is yes.",
    "Nobody can tell whether the answer is yes",
    "I can't say that the answer is yes.",
    "The verdict is yes only if the document says so.",
]
YES += [
    "It does not contradict the document, so the verdict is yes.",
    "If one reads it closely, it says so. The answer is yes.",
    "Nothing is wrong and therefore the verdict is yes.",
    "The year is not missing: the answer is yes.",
]


@pytest.mark.parametrize("form", SEEKING)
@pytest.mark.parametrize("text", YES)
def test_a_verdict_is_read_in_the_ways_judges_write_it(form: str, text: str) -> None:
    for reply in written(form, "verdict", text):
        assert read(form, "verdict", reply) == {"verdict": "yes"}, reply


@pytest.mark.parametrize("form", SEEKING)
def test_what_stands_behind_the_end_of_a_reply_decides_nothing(form: str) -> None:
    reply = "[[ ## verdict ## ]]\nyes\n\n[[ ## completed ## ]]\n\n[[ ## verdict ## ]]\nno"
    assert read(form, "verdict", reply) == {"verdict": "yes"}


@pytest.mark.parametrize("form", SEEKING)
@pytest.mark.parametrize("text", UNDECIDED)
def test_what_decides_nothing_for_certain_is_no_verdict(form: str, text: str) -> None:
    for reply in written(form, "verdict", text):
        assert read(form, "verdict", reply) is None, reply


THREE = [
    "3",
    "3.",
    "3/3",
    "3 / 3",
    "3 out of 3",
    "3 points",
    "3.0",
    "**3**",
    "[[3]]",
    "Grade: 3",
    "grade: 3/3",
    "three",
    "Three.",
]
THREE += [
    "3, because it is right",
    "3 - right and clear",
    "3\n\nIt is right in 2 places.",
    "The score is 3.",
    "I would grade it.\nGrade: **3**",
]
NO_GRADE = [
    "",
    "3.5",
    "2.9",
    "-3",
    "30",
    "3/5",
    "3/10",
    "3 out of 10",
    "1-3",
    "1 to 3",
    "2 or 3",
    "1, 2 or 3",
    "between 2 and 3",
    "four",
    "0",
]
NO_GRADE += [
    "Grade: 3\nGrade: 2",
    "3\n2",
    "85/100",
    "3%",
    "1. It is right.\n2. It is brief.\n3. It is clear.",
    "3 facts are wrong",
    "2-3",
]


@pytest.mark.parametrize("form", SEEKING)
@pytest.mark.parametrize("text", THREE)
def test_a_grade_is_read_in_the_ways_judges_write_it(form: str, text: str) -> None:
    for reply in written(form, "grade", text):
        assert read(form, "grade", reply) == {"grade": 3}, reply


@pytest.mark.parametrize("form", SEEKING)
@pytest.mark.parametrize("text", NO_GRADE)
def test_what_is_no_grade_for_certain_is_none(form: str, text: str) -> None:
    for reply in written(form, "grade", text):
        assert read(form, "grade", reply) is None, reply


@pytest.mark.parametrize("value", ["true", "1", "1.0", "[1]", '{"grade": 2}', "null", "[2, 3]", '"2/3"', '"1/2"'])
def test_a_json_value_of_another_kind_is_no_other_grade(value: str) -> None:
    grade = {"1": 1, "1.0": 1, "[1]": 1, '{"grade": 2}': 2, '"2/3"': 2}.get(value)
    fields = read("json", "grade", f'{{"grade": {value}}}')
    assert fields == (grade and {"grade": grade})
    assert fields is None or type(fields["grade"]) is int
