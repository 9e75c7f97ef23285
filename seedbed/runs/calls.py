"""The model calls behind a candidate, as they were sent, with the run's records of each."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from seedbed.storage.run_reader import Records, messages

TELLING = 12  # a candidate's text of so many characters in a prompt shows that the call was made for it


class Call(BaseModel):
    """A model call. `step`: the predictor's name. `demos`: for each demo in the prompt, its seeds or verdicts.
    `sibling`: it was made only for other candidates of the attempt."""

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
    """The calls of an attempt in the order of their replies. `number`: the index of the candidate in the attempt."""
    texts = [_telling(scored["candidate"]) for scored in outcome["scored"]]
    siblings = set[str]().union(*texts[:number], *texts[number + 1 :])
    ours, theirs = texts[number] - siblings, siblings - texts[number]
    return [
        _call(record, question, made_with, ours, theirs)
        for key, question in outcome["calls"]
        if (record := records.call(key))
    ]


def _call(
    record: Mapping[str, Any],
    question: str,
    made_with: Mapping[str, Any],
    ours: Collection[str],
    theirs: Collection[str],
) -> Call:
    request = record["request"]
    sent_messages = messages(request)
    prompt = "\n\n".join(message["text"] for message in sent_messages)
    steps = {name: step for name, step in made_with.get("steps", {}).items() if step["asks"] == question}
    of_alias = {name: step for name, step in steps.items() if step.get("of") == record["alias"]}
    steps = of_alias or steps  # in a cascade, the steps of this teacher; a fallback has none of its own
    return Call(
        **{name: record[name] for name in ("alias", "input_tokens", "output_tokens", "seconds")},
        step=" or ".join(steps) or question,
        model=made_with.get("models", {}).get(record["alias"]),
        temperature=request.get("config", {}).get("temperature"),
        messages=sent_messages,
        reply=messages({"messages": [record["response"]["message"]]})[0]["text"],
        demos=[demo["seeds"] for step in steps.values() for demo in step["demos"] if _stands(demo["texts"], prompt)],
        sibling=_any(theirs, prompt) and not _any(ours, prompt),
    )


def _telling(candidate: Mapping[str, Any]) -> set[str]:
    return {text for text in candidate.values() if isinstance(text, str) and len(text) >= TELLING}


def _any(texts: Collection[str], prompt: str) -> bool:
    return any(text in prompt for text in texts)


def _stands(texts: Sequence[str], prompt: str) -> bool:
    """Whether a demo with these texts is in the prompt, as plain text or as JSON."""
    return all(
        text in prompt or any(json.dumps(text, ensure_ascii=ascii)[1:-1] in prompt for ascii in (True, False))
        for text in texts
    )
