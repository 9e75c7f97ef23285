"""The model calls behind a candidate, as they were sent, with the run's records of each."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from seedbed.runs.outcome import KeptCall
from seedbed.storage.run_reader import Records, messages


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
    calls = [KeptCall(*values) for values in outcome["calls"]]
    return [
        _call(record, call.signature, made_with, sibling=call.candidate not in (None, number))
        for call in calls
        if (record := records.call(call.key))
    ]


def _call(
    record: Mapping[str, Any],
    signature: str,
    made_with: Mapping[str, Any],
    *,
    sibling: bool,
) -> Call:
    request = record["request"]
    sent_messages = messages(request)
    prompt = "\n\n".join(message["text"] for message in sent_messages)
    steps = {name: step for name, step in made_with.get("steps", {}).items() if step["asks"] == signature}
    of_alias = {name: step for name, step in steps.items() if step.get("of") == record["alias"]}
    steps = of_alias or steps  # in a cascade, the steps of this teacher; a fallback has none of its own
    return Call(
        **{name: record[name] for name in ("alias", "input_tokens", "output_tokens", "seconds")},
        step=" or ".join(steps) or signature,
        model=made_with.get("models", {}).get(record["alias"]),
        temperature=request.get("config", {}).get("temperature"),
        messages=sent_messages,
        reply=messages({"messages": [record["response"]["message"]]})[0]["text"],
        demos=[demo["seeds"] for step in steps.values() for demo in step["demos"] if _stands(demo["texts"], prompt)],
        sibling=sibling,
    )


def _stands(texts: Sequence[str], prompt: str) -> bool:
    """Whether a demo with these texts is in the prompt, as plain text or as JSON."""
    return all(
        text in prompt or any(json.dumps(text, ensure_ascii=ascii)[1:-1] in prompt for ascii in (True, False))
        for text in texts
    )
