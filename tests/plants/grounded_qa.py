"""Good rows of grounded-qa from `questions.jsonl`, and the faults of small models on documents."""

import json
import re

from support.paths import DATA
from support.planted import Fault, Plant
from support.scripted_program import Call, Inputs, Reply

from programs.core.text import sentences
from signatures.refusal import DOES_NOT_SAY

_LINES = (DATA / "qa/grounded_qa/questions.jsonl").read_text(encoding="utf-8").splitlines()
RECORDS = [json.loads(line) for line in _LINES if '"id": "q-' in line and 's", "group"' not in line]


def answer(call: Call) -> Reply:
    """The person's answer to the person's question; another question has none."""
    record = RECORDS[call.index]
    return {"answer": record["answer"] if call.inputs["question"] == record["question"] else DOES_NOT_SAY}


def other(call: Call) -> Inputs:
    """A record of another document."""
    return RECORDS[(call.index + len(RECORDS) // 2) % len(RECORDS)]


def longest(call: Call) -> str:
    """The longest sentence of the passage."""
    return max(sentences(call.inputs["document"]), key=len)


def another_sentence(call: Call, reply: dict[str, str]) -> Reply:
    """A sentence of the passage without a word of the answer: true, but no answer."""
    words = set(re.findall(r"\w+", reply["answer"].lower()))
    apart = [text for text in sentences(call.inputs["document"]) if not words & set(re.findall(r"\w+", text.lower()))]
    return {"answer": apart[0]} if apart else reply


PLANT = Plant(
    inputs=[{"document": record["document"]} for record in RECORDS],
    good={
        "ask_question": lambda call: {"question": RECORDS[call.index]["question"]},
        "answer_question": answer,
    },
    faults={
        "wrong number": Fault(
            "answer_question",
            lambda call, reply: {"answer": re.sub(r"\d+", lambda digits: f"{digits[0]}7", reply["answer"])},
            by="check",
        ),
        "another document's answer": Fault(
            "answer_question", lambda call, reply: {"answer": other(call)["answer"]}, by="check"
        ),
        "false claim that the document does not say": Fault(
            "answer_question", lambda call, reply: {"answer": DOES_NOT_SAY}, by="check"
        ),
        "whole passage": Fault("answer_question", lambda call, reply: {"answer": call.inputs["document"]}, by="check"),
        "refusal": Fault(
            "answer_question", lambda call, reply: {"answer": "I'm sorry, but I cannot help with that."}, by="check"
        ),
        "template leak": Fault(
            "answer_question", lambda call, reply: {"answer": f"Answer: {reply['answer']}"}, by="check"
        ),
        "another sentence of the passage": Fault("answer_question", another_sentence, by="judge"),
        "copied sentence": Fault(
            "ask_question",
            lambda call, reply: {"question": f"Is it true that {longest(call).rstrip('.')}?"},
            by="check",
        ),
        "hollow question": Fault(
            "ask_question", lambda call, reply: {"question": "What is the main idea of the document?"}, by="check"
        ),
        "question of another document": Fault(
            "ask_question", lambda call, reply: {"question": other(call)["question"]}, by="check"
        ),
    },
)
