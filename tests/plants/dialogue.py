"""Talks of two messages on the passages of the verdicts on turns, and faults of models that talk about documents."""

import re
from typing import NamedTuple

from support.planted import Fault, Plant
from support.scripted_program import Call, Reply
from support.shipped import verdicts_of

from programs.core.recipe import recipes
from programs.core.text import sentences
from programs.qa.dialogue import BEYOND
from signatures.refusal import DOES_NOT_SAY

CASES = {case.id: case for case in verdicts_of(recipes()["dialogue"])}
WHOLE = (
    *("turn-001", "turn-003", "turn-009", "turn-011", "turn-013"),
    *("turn-023", "turn-025", "turn-037", "turn-040"),
)
"""The cases whose talk has two messages with their answers."""
ANSWERS = {
    "turn-010": "Only the cost of replacement, not the administration charge of 3 pounds.",
    "turn-015": "That the autumn passage of redwings now comes about nine days later.",
    "turn-018": "For at least 3 days.",
    "turn-022": "A separate expiry check existed, but it tested the old gateway.",
    "turn-030": "No, approval is never given for more than 10 working days in a row.",
}
"""Case -> the answer to its message."""
UNTOLD = {
    "turn-002": "Do they ring me up before they come?",
    "turn-004": "Who mends it if a tyre bursts there?",
    "turn-012": "Where can I buy such strips?",
    "turn-033": "How much does such a swarm weigh?",
}
"""Case -> another message, on what the document does not say."""


class Talk(NamedTuple):
    document: str
    kind: str
    messages: tuple[str, ...]
    answers: tuple[str, ...]


def talk(name: str, kind: str = "deepen", message: str = "", answer: str = "") -> Talk:
    lines = (CASES[name].question or "").split("\n")
    messages = [line.removeprefix("User: ") for line in lines[::2]]
    answers = [line.removeprefix("Assistant: ") for line in lines[1::2]]
    more = ([message], [answer]) if message else ([], [])
    return Talk(CASES[name].document or "", kind, (*messages, *more[0]), (*answers, *more[1]))


TALKS = [
    *(talk(name) for name in WHOLE),
    *(talk(name, message=CASES[name].answer, answer=answer) for name, answer in ANSWERS.items()),
    *(talk(name, BEYOND, message, DOES_NOT_SAY) for name, message in UNTOLD.items()),
]


def other(call: Call) -> Talk:
    """A talk about another document."""
    return TALKS[(call.index + 4) % len(TALKS)]


def answer(call: Call) -> Reply:
    """The person's answer to the person's message; another message has none."""
    answers = dict(zip(TALKS[call.index].messages, TALKS[call.index].answers, strict=True))
    return {"answer": answers.get(call.inputs["message"], DOES_NOT_SAY)}


def turned(call: Call, reply: dict[str, str]) -> Reply:
    """An answer to what the document does not say; no answer to what it says."""
    declined = reply["answer"] == DOES_NOT_SAY
    return {"answer": sentences(call.inputs["document"])[-1] if declined else DOES_NOT_SAY}


def another_sentence(call: Call, reply: dict[str, str]) -> Reply:
    """A sentence of the passage without a word of the answer: true, but no answer."""
    words = set(re.findall(r"\w+", reply["answer"].lower()))
    apart = [text for text in sentences(call.inputs["document"]) if not words & set(re.findall(r"\w+", text.lower()))]
    return {"answer": apart[0]} if apart and reply["answer"] != DOES_NOT_SAY else reply


PLANT = Plant(
    inputs=[{"document": talk.document, "kinds": [talk.kind]} for talk in TALKS],
    good={
        "open_dialogue": lambda call: {"message": TALKS[call.index].messages[0]},
        "follow_up": lambda call: {"message": TALKS[call.index].messages[1]},
        "reply": answer,
    },
    faults={
        "wrong number": Fault(
            "reply",
            lambda call, reply: {"answer": re.sub(r"\d+", lambda digits: f"{digits[0]}7", reply["answer"])},
            by="check",
        ),
        "another document's answer": Fault("reply", lambda call, reply: {"answer": other(call).answers[0]}, by="check"),
        "wrong about what the document says": Fault("reply", turned, by="check"),
        "whole passage": Fault("reply", lambda call, reply: {"answer": call.inputs["document"]}, by="check"),
        "refusal": Fault("reply", lambda call, reply: {"answer": "I'm sorry, but I can't help with that."}, by="check"),
        "template leak": Fault("reply", lambda call, reply: {"answer": f"Answer: {reply['answer']}"}, by="check"),
        "another document's message": Fault(
            "open_dialogue", lambda call, reply: {"message": other(call).messages[0]}, by="check"
        ),
        "repeated message": Fault(
            "follow_up", lambda call, reply: {"message": TALKS[call.index].messages[0]}, by="check"
        ),
        "repeated message in a longer one": Fault(
            "follow_up", lambda call, reply: {"message": f"{TALKS[call.index].messages[0]} I mean it."}, by="check"
        ),
        "repeated answer": Fault("reply", lambda call, reply: {"answer": TALKS[call.index].answers[0]}, by="check"),
        "kind in the message": Fault(
            "follow_up", lambda call, reply: {"message": f"{reply['message']} Kind: {call.inputs['kind']}"}, by="check"
        ),
        "another sentence of the passage": Fault("reply", another_sentence, by="judge"),
        "message of another talk": Fault(
            "follow_up", lambda call, reply: {"message": other(call).messages[1]}, by="judge"
        ),
    },
)
