"""Answers of one to four sentences, of which more are better, and the faults of a chosen answer and of its ratings."""

import json
import re

from support.paths import DATA
from support.planted import Fault, Plant
from support.scripted_program import Call, Reply
from support.vocabulary import fill

from programs.core.row import digest
from programs.preferences.ultrafeedback import RatedPair

SENTENCES = (
    "First {verb} the {adjective} {noun} with care.",
    "Then put the {noun2} on a dry shelf beside it.",
    "After an hour you should see whether it is still {adjective2}.",
    "If it is not, {verb} it once more before you go on.",
)
FORMS = [re.compile(re.sub(r"{\w+}", r"[\\w-]+", " ".join(SENTENCES[:n]))) for n in range(1, 5)]
_LINES = (DATA / "preferences/ultrafeedback/prompts.jsonl").read_text(encoding="utf-8").splitlines()


def quality(text: str) -> int:
    """The number of sentences of a good answer; 0 for a spoilt one."""
    return next((n for n, form in enumerate(FORMS, 1) if form.fullmatch(text)), 0)


def answer(call: Call) -> Reply:
    """One to four sentences, by a hash of the prompt, the principle and the draw."""
    key = (call.inputs["prompt"], call.inputs["system"], call.draw)
    return {"response": fill(" ".join(SENTENCES[: 1 + int(digest(*key), 16) % 4]), *key)}


def rating(call: Call) -> Reply:
    """More for more sentences. The judge is taken in by an answer that is spoilt: that one is best for it."""
    return {"rating": 1 + (quality(call.inputs["response"]) or 4)}


def preferred(call: Call) -> Reply:
    first, second = (quality(call.inputs[place]) or 5 for place in ("first", "second"))
    return {"verdict": "first" if first > second else "second"}


def is_good(row: RatedPair) -> bool:
    """Whether the chosen answer is better; a row without one teaches nothing wrong."""
    return not row.chosen_answer or quality(row.chosen_answer) > quality(row.rejected_answer)


def spoilt(template: str) -> Fault:
    """A fault of answers that a check finds in the chosen one."""
    return Fault("answer", lambda call, reply: {"response": template.format(reply["response"])}, by="check")


PLANT = Plant(
    inputs=[{"prompt": json.loads(line)["prompt"]} for line in _LINES],
    good={"answer": answer, "judge aspects": rating, "judge prefer": preferred},
    faults={
        "template leak": spoilt("{0} {{input}}"),
        "refusal": spoilt("I'm sorry, but I can't help with that."),
        "goes round in circles": spoilt("{0} {0} {0}"),
        "ratings upside down": Fault("judge aspects", lambda call, reply: {"rating": 6 - reply["rating"]}, by="judge"),
    },
    is_good=is_good,
)
