"""Judges that ask of each claim, and of each rule: what is named, and what cannot be read."""

from collections.abc import Callable

import pytest
from support.judged import DOCUMENT, NO, ROW, YES, Inputs, Said, judge, judged_by, verdict

from programs.core.background import run_sync
from programs.judges.judge import RulesJudge

LONG = ROW.model_copy(
    update={"said": "The K3 kettle holds 1.7 litres of water. It was first sold in 1989. It is made of steel."}
)
CLAIMS = [
    "The K3 kettle holds 1.7 litres of water.",
    "The K3 kettle was first sold in 1989.",
    "The K3 is made of steel.",
]

# claims


def by_claim(**broken: Said) -> Callable[[Inputs, int], Said]:
    """Splits into CLAIMS; a claim that holds a keyword gets that reply, every other one a yes."""

    def say(inputs: Inputs, draw: int) -> Said:
        if "claim" not in inputs:
            return {"claims": CLAIMS}
        return next((reply for word, reply in broken.items() if word.strip("_") in inputs["claim"]), YES)

    return say


def test_the_unsupported_claims_are_named() -> None:
    result = verdict(
        "grounded", by_claim(_1989={"reasoning": "the document says 1889", "verdict": "no"}, steel=NO), LONG
    )
    assert result.score == pytest.approx(1 / 3)
    assert f'"{CLAIMS[1]}" (the document says 1889)' in result.reason
    assert CLAIMS[2] in result.reason
    assert CLAIMS[0] not in result.reason


def test_each_claim_is_judged_alone_against_the_document() -> None:
    with judged_by(by_claim()) as script:
        assert run_sync(judge("grounded").acall(LONG)).score == 1.0
    split, *claims = script.asked
    assert split == {"question": LONG.asked, "answer": LONG.said}
    assert [inputs["claim"] for inputs in claims] == CLAIMS
    assert {inputs["document"] for inputs in claims} == {DOCUMENT}


def test_a_short_answer_is_its_own_claim() -> None:
    with judged_by(YES) as script:
        assert run_sync(judge("grounded").acall(ROW)).score == 1.0
    assert [inputs["claim"] for inputs in script.asked] == [ROW.said]


@pytest.mark.parametrize(
    "split", ["mumble", "", {"claims": []}, {"claims": ["Paris lies on the Seine."]}, {"claims": "none"}]
)
def test_where_the_split_is_no_use_the_sentences_are_the_claims(split: Said) -> None:
    with judged_by(lambda inputs, draw: YES if "claim" in inputs else split) as script:
        assert run_sync(judge("grounded").acall(LONG)).score == 1.0
    sentences = ["The K3 kettle holds 1.7 litres of water.", "It was first sold in 1989.", "It is made of steel."]
    assert [inputs["claim"] for inputs in script.asked if "claim" in inputs] == sentences


def test_a_claim_named_twice_is_judged_once() -> None:
    with judged_by(lambda inputs, draw: YES if "claim" in inputs else {"claims": [CLAIMS[0]] * 9}) as script:
        run_sync(judge("grounded").acall(LONG))
    assert len(script.asked) == 2


def test_a_claim_without_a_readable_verdict_is_left_out_and_counted() -> None:
    result = verdict("grounded", by_claim(_1989=NO, steel="mumble"), LONG)
    assert result.score == 0.5
    assert "1 of 3 claims" in result.reason
    assert verdict("grounded", by_claim(K3="mumble"), LONG).score is None


# rules


def by_rule(**replies: Said) -> Callable[[Inputs, int], Said]:
    return lambda inputs, draw: next((reply for word, reply in replies.items() if word in inputs["rule"]), YES)


def test_each_rule_is_asked_alone_and_all_must_be_kept() -> None:
    with judged_by(by_rule()) as script:
        assert run_sync(judge("rules").acall(ROW)).score == 1.0
    assert [inputs["rule"] for inputs in script.asked] == ["Say please.", "Name no brand."]
    assert {(inputs["context"], inputs["prompt"], inputs["response"]) for inputs in script.asked} == {
        (DOCUMENT, ROW.asked, ROW.said)
    }


def test_one_broken_rule_fails_the_row_and_is_named() -> None:
    result = verdict("rules", by_rule(brand={"reasoning": "it says K3", "verdict": "no"}))
    assert (result.score, result.reason) == (0.0, 'broken: "Name no brand." (it says K3)')


def test_an_unreadable_rule_is_no_yes_but_a_broken_one_is_a_no() -> None:
    assert verdict("rules", by_rule(brand="mumble")).score is None
    assert verdict("rules", by_rule(brand="mumble", please=NO)).score == 0.0


def test_a_judge_without_rules_has_nothing_to_say() -> None:
    with judged_by(YES):
        assert run_sync(RulesJudge().acall(ROW)).score is None
