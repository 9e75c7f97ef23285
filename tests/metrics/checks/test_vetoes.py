"""Vetoes: cheats fall, each by its own reason, and honest rows pass."""

import asyncio

import pytest
from support.faults import fault
from support.kettle import ANSWER, METRIC, PASSAGE, QUESTION, SEED, qa

from programs.qa.grounded_qa import QA
from signatures.refusal import DOES_NOT_SAY

CHEATS = {
    "refusal": (QA(passage=PASSAGE, question=QUESTION, answer=DOES_NOT_SAY), "unanswerable question"),
    "template leak": (qa("What does {question} say about the kettle?"), "template leak"),
    "field mark": (qa(answer="[[ ## answer ## ]] 0.5 litres"), "template leak"),
    "talks about itself": (qa(answer="As an AI, I would say 0.5 litres."), "template leak"),
    "field label": (qa(answer="Answer: 0.5 litres"), "template leak"),
    "chat token": (qa(answer="0.5 litres<|im_end|>"), "template leak"),
    "loop of words": (qa(answer="water " * 20 + "."), "repetition"),
    "loop of phrases": (qa(answer="lift the kettle off its base and " * 4 + "fill it."), "repetition"),
    "statement": (qa("The K3 kettle holds 1.7 litres of water."), "not a question"),
    "two questions": (qa("What does the K3 kettle hold? How much water does it need?"), "not a question"),
    "two lines": (qa("How much water\ndoes the K3 kettle need?"), "not a question"),
    "too short": (qa("Why water?"), "not a question"),
    "too long": (
        qa("How much water does the K3 kettle hold, " + ", ".join(f"{n} or {n}.5" for n in range(20)) + "?"),
        "not a question",
    ),
    "hollow": (qa("What is the main idea of the text?"), "hollow question"),
    "hollow of a report": (qa("What is the purpose of this report?"), "hollow question"),
    "copied sentence": (qa("Is filling above MAX can cause boiling water to spit from the spout?"), "copied sentence"),
    "off topic": (qa("Who painted the ceiling of the Sistine Chapel?", "Michelangelo"), "off topic"),
    "copied seed": (qa(SEED, "Boiling water can spit from the spout."), "copied seed"),
    "question for an answer": (qa(answer="How much do you want?"), "no answer"),
    "answer is the question": (qa(answer="The K3 kettle need water."), "answer in question"),
    "no words": (qa(answer="..."), "no answer"),
    "cut off": (
        qa(answer="Always lift the kettle off its base before filling it, and dry the underside if any"),
        "cut off",
    ),
    "wrong number": (qa(answer="At least 0.7 litres."), "wrong number"),
    "number added": (qa(answer="At least 0.5 litres, in 1998."), "wrong number"),
    "invented words": (qa(answer="A spoonful of honest moonlight."), "unsupported"),
    "pasted passage": (qa(answer=PASSAGE), "pasted passage"),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_is_vetoed(cheat: str) -> None:
    candidate, reason = CHEATS[cheat]
    drop = asyncio.run(METRIC.veto(candidate))
    assert drop
    assert drop.reason == reason


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_is_worth_nothing(cheat: str) -> None:
    assert asyncio.run(METRIC.worth(CHEATS[cheat][0])).score == 0.0


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (QUESTION, ANSWER),
        ("What can happen to the water when the K3 kettle is filled above MAX?", "It can spit from the spout."),
        ("How many litres does the K3 kettle hold at the MAX line?", "1.7 litres"),
        ("Which part of the kettle must be dry if water runs down?", "The underside"),
        ("What is the purpose of the MAX line on the K3 kettle?", "Above MAX, water can spit from the spout."),
        ("How long does the K3 kettle take to heat water?", DOES_NOT_SAY),
    ],
)
def test_an_honest_row_is_kept(question: str, answer: str) -> None:
    assert asyncio.run(METRIC.veto(qa(question, answer))) is None


def test_a_question_alone_is_held_to_the_rules_of_questions_only() -> None:
    assert fault(qa(answer="")) is None
