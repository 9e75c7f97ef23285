"""A teacher for any program: it knows the step that asks by its instruction, and answers by the types of its fields.

A script overrides the answer of a step by its name; a judge is the step `judge ASPECT`. `teacher(recipe)` is the
`reply` of a file, so that whole runs are answered too (`model: scripted/FILE`).
"""

import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, get_args, get_origin

import dspy
from dspy import lm15
from pydantic import BaseModel

from programs.core.program import Program
from programs.core.recipe import recipes
from programs.core.text import sentences
from programs.core.tools import using
from programs.judges.judge import JUDGES, Judge, judges_of
from programs.judges.rater import Rater
from seedbed.models.call_context import call_context
from seedbed.models.engines.engine import Shared
from seedbed.models.lm import TeacherLM
from signatures.variants import wordings

Inputs = dict[str, str]
Reply = dict[str, Any] | str
Script = Mapping[str, Callable[[Inputs], Reply] | Reply]
"""The reply of a step, or what makes it of the inputs. A text is the whole reply as it stands."""
_INPUT = re.compile(r"\[\[ ## (\w+) ## \]\]\n(.*?)(?=\n\n\[\[ ##|\n\nRespond)", re.DOTALL)


class Call(NamedTuple):
    """A call of a step: its inputs, all as texts; the number of its draw; the name of the model; and the number of the
    source, where the caller counts them."""

    step: str
    inputs: Inputs
    draw: int = 0
    model: str = ""
    index: int = 0


class Steps:
    """The steps of a program and of judges, found by the instruction in a prompt, whichever wording it has."""

    def __init__(self, program: Program, judges: Mapping[str, Callable[[], Judge]] = JUDGES) -> None:
        steps = {name: step.asked for name, step in program.named_predictors()}
        for aspect, make in judges.items():
            asked = {name: step.asked for name, step in make().named_predictors()}
            steps |= {f"judge {aspect}{'' if name == 'judge' else f' {name}'}": asked[name] for name in asked}
        steps |= {f"judge {name}": rater.judge.asked for name, rater in raters(program).items()}
        self.signatures = steps
        self._names = {_words(wording): name for name, asked in steps.items() for wording in wordings(asked)}
        self._bare = [name for name, step in program.named_predictors() if step.is_bare]

    def name(self, prompt: str) -> str:
        """The step that asks this; of several instructions in the prompt, the longest counts. A prompt without any is
        that of the program's bare step."""
        words = _words(prompt)
        known = [wording for wording in self._names if wording in words]
        return self._names[max(known, key=len)] if known else self._bare[0]


class Scripted(Shared):
    """Answers each call by `answer`, in JSON; `calls` are the steps that were asked, in order, with their inputs."""

    identity, enforces_schema, continues, concurrency = "script", True, False, 8

    def __init__(self, steps: Steps, answer: Callable[[Call], Reply]) -> None:
        self.steps, self.answer, self.calls = steps, answer, list[tuple[str, Inputs]]()

    async def complete(self, request: lm15.Request) -> lm15.Response:
        prompt = f"{request.system or ''} {' '.join(message.text or '' for message in request.messages)}"
        call = Call(self.steps.name(prompt), inputs_of(request), call_context().draw, request.model)
        self.calls.append((call.step, call.inputs))
        return response(request, self.answer(call))

    async def aclose(self) -> None: ...

    def asked(self, step: str) -> list[Inputs]:
        """The inputs of every call of a step."""
        return [inputs for name, inputs in self.calls if name == step]


def by_script(steps: Steps, script: Script) -> Callable[[Call], Reply]:
    """Answers as the script says; a step that it does not name, by the types of its fields."""

    def answer(call: Call) -> Reply:
        if call.step not in script:
            return typed(steps.signatures[call.step], f"{call.inputs} {call.draw}")
        reply = script[call.step]
        return reply(dict(call.inputs)) if callable(reply) else reply

    return answer


def inputs_of(request: lm15.Request) -> Inputs:
    """The input fields of the last message."""
    return dict(_INPUT.findall(request.messages[-1].text or ""))


def response(request: lm15.Request, reply: Reply) -> lm15.Response:
    """The reply on the wire, in JSON; a text as it stands."""
    message = lm15.Message.assistant(reply if isinstance(reply, str) else json.dumps(reply))
    usage = lm15.Usage(input_tokens=1, output_tokens=1)
    return lm15.Response(id=None, model=request.model, message=message, finish_reason="stop", usage=usage)


def in_json(module: dspy.Module) -> Any:
    """The program or judge, each step of which asks for JSON, and the raters that it holds."""
    for _, step in module.named_predictors():
        step.format = "json"
    for rater in raters(module).values():
        rater.judge.format = "json"
    return module


def raters(module: dspy.Module) -> dict[str, Rater]:
    """The raters that a program holds, by name: they ask the judge's model, as its step `judge NAME`."""
    return {name: value for name, value in vars(module).items() if isinstance(value, Rater)}


@contextmanager
def teaching(
    program: Program, script: Script, judges: Mapping[str, Callable[[], Judge]] = JUDGES, **context: Any
) -> Iterator[Scripted]:
    """The program's teacher and judges follow the script."""
    steps = Steps(in_json(program), judges)
    engine = Scripted(steps, by_script(steps, script))
    with dspy.context(lm=TeacherLM("scripted", engine)), using(**context):
        yield engine


def typed(signature: type[dspy.Signature], mark: str) -> dict[str, Any]:
    """A value for each output field, by its type. Texts differ with the mark."""
    fields = signature.output_fields.items()
    return {name: _value(field.annotation, f"{mark} {name}") for name, field in fields}


def _value(annotation: Any, mark: str) -> Any:
    """A sentence, three values of a list, yes or the last value of a Literal."""
    values, simple = get_args(annotation), {int: 3, float: 0.5, bool: True}
    if get_origin(annotation) is Literal:
        return "yes" if "yes" in values else values[-1]
    if get_origin(annotation) is list:
        return [_value(values[0], f"{mark} {place}") for place in range(3)]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {name: _value(field.annotation, f"{mark} {name}") for name, field in annotation.model_fields.items()}
    if annotation in simple:
        return simple[annotation]
    if values:  # of a union, the first
        return _value(values[0], mark)
    words = [f"{stem}{zlib.crc32(f'{mark}{stem}'.encode()) % 9973}" for stem in ("bora", "calu", "dime", "fonti")]
    return "Explain how the {} of a {} is made from {} and why it is not a {}.".format(*words)


def teacher(recipe: str, script: Script | None = None) -> Callable[[str, int], str]:
    """`reply(prompt, draw)` of a scripted model for the program and the judges of a recipe, in whatever format."""
    steps = Steps(recipes()[recipe].program(), judges_of(recipes()[recipe]))
    answer = by_script(steps, script or ON_PASSAGES)

    def reply(prompt: str, draw: int) -> str:
        inputs = dict(_INPUT.findall(prompt)) or {"prompt": prompt}
        return _written(answer(Call(steps.name(prompt), inputs, draw)), prompt)

    return reply


ON_PASSAGES: Script = {
    "ask_question": lambda inputs: {"question": f"What does it say about {_opening(inputs)}?"},
    "answer_question": lambda inputs: {"answer": _first(inputs)},
    "open_dialogue": lambda inputs: {"message": f"What does it say about {_opening(inputs)}?"},
    "follow_up": lambda inputs: {"message": f"And what else does it say, at {len(inputs.get('history', ''))} letters?"},
    "reply": lambda inputs: {"answer": _first(inputs)},
}
"""Questions and answers that rest on their passage, as the checks of recipes on documents want them."""


def _first(inputs: Inputs) -> str:
    """The first sentence of the document; of a compact prompt, of the last line that has one."""
    document = inputs.get("document") or inputs.get("prompt", "").rpartition("Document: ")[2].partition("\n")[0]
    return sentences(document)[0]


def _opening(inputs: Inputs) -> str:
    return " ".join(_first(inputs).split()[:6]).strip(".,;:")


def _written(reply: Reply, prompt: str) -> str:
    """The reply in the format that the prompt asks for."""
    if isinstance(reply, str):
        return reply
    if "JSON object" in prompt[-500:]:
        return json.dumps(reply)
    if "[[ ##" in prompt:
        texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in reply.items()}
        return "\n\n".join(f"[[ ## {name} ## ]]\n{text}" for name, text in texts.items()) + "\n\n[[ ## completed ## ]]"
    first, *others = reply.items()
    return "\n".join([str(first[1]), *(f"{name.capitalize()}: {value}" for name, value in others)])


def _words(text: str) -> str:
    return " ".join(text.split())
