"""The model calls behind a candidate, as they were sent, with what its run knows of each."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from seedbed.storage.run_reader import Records, messages

TELLING = 12  # characters from which a candidate's text in a prompt says whom the call was made for


class Call(BaseModel):
    """A model call. `step`: the predictor's name. `demos`: for each demo shown, the seeds or verdicts it stands on.
    `sibling`: it was made for other candidates of the attempt alone."""

    step: str
    alias: str
    model: str | None
    temperature: float | None
    messages: list[dict[str, str]]
    reply: str
    demos: list[list[str]]
    input_tokens: int | None
    output_tokens: int | None
    seconds: float
    sibling: bool


def calls_behind(records: Records, outcome: Mapping[str, Any], number: int, made_with: Mapping[str, Any]) -> list[Call]:
    """The calls of an attempt in the order of their replies; `number` is the candidate they are seen from."""
    texts = [_telling(one["candidate"]) for one in outcome["scored"]]
    others = set[str]().union(*texts[:number], *texts[number + 1 :])
    ours, theirs = texts[number] - others, others - texts[number]
    return [
        _call(kept, asked, made_with, ours, theirs) for key, asked in outcome["calls"] if (kept := records.call(key))
    ]


def _call(
    kept: Mapping[str, Any], asked: str, made_with: Mapping[str, Any], ours: Collection[str], theirs: Collection[str]
) -> Call:
    request = kept["request"]
    said = messages(request)
    prompt = "\n\n".join(message["text"] for message in said)
    steps = {name: step for name, step in made_with.get("steps", {}).items() if step["asks"] == asked}
    ofs = {name: step for name, step in steps.items() if step.get("of") == kept["alias"]}
    steps = ofs or steps  # of a cascade's the teacher's own; a fallback has none
    return Call(
        **{name: kept[name] for name in ("alias", "input_tokens", "output_tokens", "seconds")},
        step=" or ".join(steps) or asked,
        model=made_with.get("models", {}).get(kept["alias"]),
        temperature=request.get("config", {}).get("temperature"),
        messages=said,
        reply=messages({"messages": [kept["response"]["message"]]})[0]["text"],
        demos=[demo["seeds"] for step in steps.values() for demo in step["demos"] if _stands(demo["texts"], prompt)],
        sibling=_any(theirs, prompt) and not _any(ours, prompt),
    )


def _telling(candidate: Mapping[str, Any]) -> set[str]:
    return {text for text in candidate.values() if isinstance(text, str) and len(text) >= TELLING}


def _any(texts: Collection[str], prompt: str) -> bool:
    return any(text in prompt for text in texts)


def _stands(texts: Sequence[str], prompt: str) -> bool:
    """Whether a demo with these texts is in the prompt, as they are or as JSON writes them."""
    return all(
        text in prompt or any(json.dumps(text, ensure_ascii=ascii)[1:-1] in prompt for ascii in (True, False))
        for text in texts
    )
