"""Stories that people wrote and called good, and the faults of models that tell stories."""

import random
import re
from collections.abc import Callable
from typing import Any

from support.planted import Fault, Plant
from support.scripted_program import Call, Reply
from support.shipped import seeds_of, verdicts_of

from programs.core.inflection import occurs
from programs.core.recipe import recipes
from programs.core.text import sentences, words
from programs.texts.tiny_stories import CLASSES, NO_FEATURE

RECIPE = recipes()["tiny-stories"]
SEEDS = seeds_of(RECIPE)
STORIES = [verdict for verdict in verdicts_of(RECIPE) if verdict.label]
ASKED = re.compile(r"Words: (.+)\. Features: (.+)\.")
FOREIGN = "Маленькая собака бежала по лугу за жёлтой бабочкой."


def inputs_of(question: str) -> dict[str, Any]:
    """The words and the features that a verdict's question names."""
    match = ASKED.fullmatch(question)
    assert match
    features = [] if match[2] == NO_FEATURE else match[2].split(", ")
    return {"words": match[1].split(", "), "features": features}


def spoilt(text: Callable[[Call, str], str]) -> Callable[[Call, Any], Reply]:
    return lambda call, reply: {"story": text(call, reply["story"])}


def without(place: int) -> Callable[[Call, str], str]:
    """Another word stands wherever one of the three stood."""

    def change(call: Call, story: str) -> str:
        word, kind = call.inputs["words"].split(", ")[place], CLASSES[place]
        forms = {form for form in words(story) if occurs(word, [form], kind)}
        return re.sub(rf"\b({'|'.join(forms)})\b", "zoom", story, flags=re.IGNORECASE)

    return change


def only_in_the_title(call: Call, story: str) -> str:
    return f"The {call.inputs['words'].split(', ')[1].title()}\n\n{without(1)(call, story)}"


def shuffled(call: Call, story: str) -> str:
    pieces = sentences(story)
    return " ".join(random.Random(story).sample(pieces, len(pieces)))


PLANT = Plant(
    inputs=[inputs_of(verdict.question) for verdict in STORIES],
    good={"tell": lambda call: {"story": STORIES[call.index].answer}},
    faults={
        "verb missing": Fault("tell", spoilt(without(0)), by="check"),
        "noun missing": Fault("tell", spoilt(without(1)), by="check"),
        "adjective missing": Fault("tell", spoilt(without(2)), by="check"),
        "word in the title alone": Fault("tell", spoilt(only_in_the_title), by="check"),
        "another story": Fault(
            "tell", spoilt(lambda call, old: STORIES[(call.index + 7) % len(STORIES)].answer), by="check"
        ),
        "too short": Fault("tell", spoilt(lambda call, old: old[: len(old) // 2]), by="check"),
        "round in circles": Fault("tell", spoilt(lambda call, old: " ".join(sentences(old)[:6] * 3)), by="check"),
        "copied seed": Fault("tell", spoilt(lambda call, old: SEEDS[call.index % len(SEEDS)].story), by="check"),
        "refusal": Fault("tell", spoilt(lambda call, old: "I'm sorry, but I can't write this story."), by="check"),
        "template leak": Fault("tell", spoilt(lambda call, old: f"{old} {{child}}"), by="check"),
        "another language": Fault("tell", spoilt(lambda call, old: f"{FOREIGN} {old}"), by="check"),
        "sentences in another order": Fault("tell", spoilt(shuffled), by="judge"),
        "no end": Fault("tell", spoilt(lambda call, old: " ".join(sentences(old)[:-3])), by="judge"),
    },
)
