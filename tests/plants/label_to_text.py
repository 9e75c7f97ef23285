"""Texts of simple words for the labels of the seeds, and the faults of texts that are written for a label."""

from support.planted import Fault, Plant
from support.scripted_program import Call, Reply
from support.shipped import seeds_of, sources_of
from support.vocabulary import fill

from programs.core.feed import FeedInput, first_sources
from programs.core.recipe import recipes

RECIPE = recipes()["label-to-text"]
SEEDS = seeds_of(RECIPE)
TEXTS = {
    "tracing": "Where is my {adjective} {noun} now? The {noun2} was to {verb} with it a week ago.",
    "redirection": "Bring the {adjective} {noun} to my {noun2} instead, because we {verb} there until May.",
    "refund": "I paid 9 pounds to have the {adjective} {noun} here before the {noun2}, and I want them back to {verb}.",
    "complaint": "Your man let the {adjective} {noun} fall on our {noun2}, as he does each time. Tell him to {verb}.",
    "finding": "Of 80 visitors who saw the {adjective} {noun}, 31 stayed to {verb} beside a {noun2}.",
    "interpretation": "That so few of them {verb} probably has to do with the {adjective} {noun} and its {noun2}.",
    "limitation": "We could not see who came to {verb} at night, so no {adjective} {noun} or {noun2} is counted.",
    "recommendation": "The town should {verb} the {adjective} {noun} before next spring, and then try a {noun2}.",
}
"""A text for each label; its first words tell the label."""


def text(call: Call, label: str) -> str:
    return fill(TEXTS[label], call.index, label)


def label_of(call: Call) -> Reply:
    """The label whose text begins like this one."""
    text = call.inputs["text"]
    return {"label": next((label for label in TEXTS if text[:10] == fill(TEXTS[label], 0)[:10]), "none of these")}


def other(call: Call) -> str:
    """Another label of the same task."""
    return call.inputs["others"].splitlines()[0].removeprefix("- ").split(":")[0]


def of_label(call: Call) -> str:
    """A seed of the label."""
    return next(seed.text for seed in SEEDS if seed.label == call.inputs["label"])


PLANT = Plant(
    inputs=[
        source.inputs
        for source in first_sources(RECIPE.feed(FeedInput(sources_of(RECIPE), SEEDS, RECIPE.options())), 40)
    ],
    good={"write_text": lambda call: {"text": text(call, call.inputs["label"])}, "classify": label_of},
    faults={
        "another label's text": Fault("write_text", lambda call, reply: {"text": text(call, other(call))}, by="check"),
        "label in the text": Fault(
            "write_text", lambda call, reply: {"text": f"{reply['text']} ({call.inputs['label']})"}, by="check"
        ),
        "definition for a text": Fault(
            "write_text", lambda call, reply: {"text": call.inputs["definition"]}, by="check"
        ),
        "copied example": Fault(
            "write_text", lambda call, reply: {"text": call.inputs["examples"].splitlines()[-1]}, by="check"
        ),
        "copied seed": Fault("write_text", lambda call, reply: {"text": of_label(call)}, by="check"),
        "another language": Fault(
            "write_text", lambda call, reply: {"text": "请问我的包裹现在到底在什么地方呢"}, by="check"
        ),
        "template leak": Fault("write_text", lambda call, reply: {"text": f"{reply['text']}<|im_end|>"}, by="check"),
        "text goes round in circles": Fault(
            "write_text", lambda call, reply: {"text": " ".join([reply["text"]] * 3)}, by="check"
        ),
        "refusal": Fault("write_text", lambda call, reply: {"text": "I'm sorry, but I can't do that."}, by="check"),
        "no text": Fault("write_text", lambda call, reply: {"text": ""}, by="check"),
        "two labels in one text": Fault(
            "write_text", lambda call, reply: {"text": f"{reply['text']} {text(call, other(call))}"}, by="judge"
        ),
        "broken off": Fault(
            "write_text", lambda call, reply: {"text": reply["text"][: len(reply["text"]) // 2]}, by="judge"
        ),
    },
)
