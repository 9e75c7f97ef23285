"""What models really reply: each signature of the recipes and judges, asked in each format about the shipped seeds.

    python benchmarks/replies.py FILE --model smollm2-135m [--rounds 3] [--minutes 7]
    python benchmarks/replies.py FILE

The first adds to FILE (JSON Lines) one reply a line: model, signature, format, the seeds it was asked about, how it
ended, its text. What stands there already is not asked again, so that the work may be done in invocations. `json, no
schema` is the json format of a server that ignores the schema. Temperature 0, no demos: the prompts are those of an
uncompiled project, in which a reply is shaped worst. The second prints the share that is read, by model and format.
tests/programs/formats/test_real_replies.py reads the file that is kept.
"""

import argparse
import collections
import contextlib
import itertools
import json
import time
from pathlib import Path
from typing import Any

import dspy
from dspy import lm15
from dspy.utils.exceptions import AdapterParseError

from programs.core.background import run_sync
from programs.core.pool import numbered
from programs.core.recipe import recipes
from programs.core.row import digest
from programs.core.step import Step
from programs.formats.formats import FORMATS
from programs.formats.plain import is_plain
from programs.formats.replies import Cut, dropped
from seedbed.config.models import ModelEntry
from seedbed.models.engines.embedded import EmbeddedEngine
from seedbed.models.engines.engine import Engine, Wrapped
from seedbed.models.lm import TeacherLM
from signatures import judges as judging
from signatures.instructions import lab
from signatures.instructions import self_instruct as instructing
from signatures.qa import grounded_qa as grounding

DATA = Path(__file__).parent.parent / "data"
LONGEST = 128  # tokens of a reply
UNENFORCED = "json, no schema"
SIGNATURES = {
    kind.__name__: kind
    for module in (grounding, instructing, judging, lab)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, dspy.Signature) and kind.__module__ == module.__name__
}


class Heard(Wrapped):
    """An engine that remembers its latest reply."""

    def __init__(self, engine: Engine, *, enforces_schema: bool) -> None:
        super().__init__(engine)
        self.enforces_schema = enforces_schema
        self.latest: lm15.Response | None = None

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.latest = await self.engine.complete(request)
        return self.latest


def inputs(number: int) -> tuple[str, dict[str, str]]:
    """The seeds of that number, and what the input fields of every signature hold of them."""
    grounded, task, leaf, other = (
        rows[number * 7 % len(rows)]
        for rows in (seeds("grounded-qa"), seeds("self-instruct"), seeds("lab"), seeds("grounded-qa")[1:])
    )
    answer = grounded["answer"] or grounding.DOES_NOT_SAY
    values = {
        **dict.fromkeys(("document", "context"), grounded["document"]),
        **dict.fromkeys(("question", "prompt"), grounded["question"]),
        **dict.fromkeys(("answer", "response", "claim", "first"), answer),
        "second": other["answer"] or grounding.DOES_NOT_SAY,
        "examples": f"Question: {leaf['question']}\nAnswer: {leaf['answer']}",
        "task": leaf["task"],
        "tasks": numbered([seed["instruction"] for seed in seeds("self-instruct")[:4]]),
        "instruction": task["instruction"],
        "label": task["output"],
        "rule": "It is at most 20 words long.",
    }
    return f"{grounded['id']} {task['id']} {leaf['id']}", values


def seeds(name: str) -> list[dict[str, Any]]:
    """The shipped seeds of a recipe."""
    return [json.loads(line) for line in (DATA / recipes()[name].folder / "seeds.jsonl").read_text().splitlines()]


def kinds() -> list[tuple[str, str]]:
    """Every signature with every format in which it can be asked, in an order of which any beginning is a fair part."""
    asked = itertools.product(SIGNATURES, (*FORMATS, UNENFORCED))
    possible = [(name, form) for name, form in asked if form != "plain" or is_plain(SIGNATURES[name])]
    return sorted(possible, key=lambda kind: digest(*kind))


def reply(engine: EmbeddedEngine, name: str, form: str, values: dict[str, str]) -> lm15.Response:
    """The model's reply, whether it can be read or not."""
    heard = Heard(engine, enforces_schema=form != UNENFORCED)
    step, lm = Step(SIGNATURES[name], form.split(",")[0]), TeacherLM("m", heard, temperature=0.0, max_tokens=LONGEST)
    with dspy.context(lm=lm, disable_history=True), contextlib.suppress(AdapterParseError):
        run_sync(step.acall(**{field: values[field] for field in SIGNATURES[name].input_fields}))
    assert heard.latest
    return heard.latest


def read(line: dict[str, Any]) -> dict[str, Any] | str:
    """The fields of a kept reply, or why there are none."""
    adapter, signature = FORMATS[line["format"].partition(",")[0]], SIGNATURES[line["signature"]]
    text = Cut(line["reply"]) if line["end"] == "length" else line["reply"]
    try:
        (fields,) = adapter._call_postprocess(signature, signature, [text], None, {})
    except AdapterParseError as error:
        return dropped(line["signature"], error).reason
    return dict(fields)


def shares(lines: list[dict[str, Any]]) -> None:
    """Print how many of the replies are read, and how many of those that were not cut off."""
    print("| model | format | replies | cut off | read | read of those that ended |\n|---|---|---|---|---|---|")
    by_kind = collections.defaultdict[tuple[str, str], list[dict[str, Any]]](list)
    for line in lines:
        by_kind[line["model"], line["format"]].append(line)
    for (model, form), told in sorted(by_kind.items()):
        ended = [line for line in told if line["end"] != "length"]
        all_read, whole = (sum(isinstance(read(line), dict) for line in some) for some in (told, ended))
        share = f"{whole / len(ended):.0%}" if ended else ""
        print(f"| {model} | {form} | {len(told)} | {len(told) - len(ended)} | {all_read} | {share} |")


def main() -> None:
    """Ask, round after round, until the time is up; or print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=7.0)
    args = parser.parse_args()
    kept = [json.loads(line) for line in args.file.read_text().splitlines()] if args.file.exists() else []
    if args.model:
        add(args.file, args.model, kept, rounds=args.rounds, minutes=args.minutes)
    else:
        shares(kept)


def add(path: Path, model: str, kept: list[dict[str, Any]], *, rounds: int, minutes: float) -> None:
    """Ask what is not kept, and keep it."""
    ends = time.monotonic() + 60 * minutes
    known = {(one["model"], one["signature"], one["format"], one["seeds"]) for one in kept}
    engine = EmbeddedEngine(ModelEntry(model=f"embedded/{model}", context=2048), Path())
    with path.open("a") as file:
        for number, (name, form) in itertools.product(range(rounds), kinds()):
            about, values = inputs(number)
            if (model, name, form, about) in known or time.monotonic() > ends:
                continue
            said = reply(engine, name, form, values)
            line = {"model": model, "signature": name, "format": form, "seeds": about, "end": said.finish_reason}
            print(json.dumps(line | {"reply": said.message.text or ""}), file=file, flush=True)
    run_sync(engine.aclose())


if __name__ == "__main__":
    main()
