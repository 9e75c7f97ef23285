"""The base class of every recipe's program: asynchronous inside, callable from ordinary code."""

from collections.abc import Sequence
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError

from programs.core.background import run_sync, together
from programs.core.options import Options
from programs.core.outputs import Ending, Outputs
from programs.core.row import Candidate, Drop
from programs.core.step import Step, reworded
from programs.core.tools import Member, tools, using
from programs.core.verdict import Verdict
from programs.formats.replies import dropped
from signatures.variants import wordings

SAMPLED = 0.7  # the least temperature of a reply that must differ from others to the same prompt
DRAWS = 1_000_003  # more than a source has; odd, so that a script that picks by remainders sees every sample


class Program(dspy.Module):
    """A recipe's program. Subclasses write `aforward(**inputs) -> dspy.Prediction(candidates=[...])`.

    `row` is the class of its candidates. `options` are those of its recipe: a subclass sets them to its defaults, and
    the argument of the same name replaces them.
    """

    row: type[Candidate] = Candidate
    options: Options = Options()

    def __init__(self, options: Options | None = None) -> None:
        super().__init__()
        self.options = options or type(self).options

    def forward(self, **inputs: Any) -> dspy.Prediction:
        return run_sync(self.aforward(**inputs))

    async def aforward(self, *args: Any, **inputs: Any) -> dspy.Prediction:
        raise NotImplementedError

    def step(self, name: str) -> Step:
        """The predictor of that name."""
        step = getattr(self, name, None)  # searching the whole program takes a tenth of a call's time
        return step if isinstance(step, Step) else dict(self.named_predictors())[name]

    def panel(self) -> tuple[Member, ...]:
        """The models of `roles.panel`; the teacher alone if there are none."""
        teacher = dspy.settings.lm
        return tools().panel or (Member(getattr(teacher, "alias", teacher.model), teacher),)

    async def fill(self, candidate: Candidate, name: str, /, *, lm: Any = None, **inputs: Any) -> bool:
        """Ask step `name` and copy its outputs to the candidate. Returns False if the candidate is dropped.

        A reply that cannot be read drops the candidate. So does `Tools.veto`, before the next call is paid.
        """
        outputs = await self.ask(candidate, name, lm=lm, **inputs)
        if outputs is None:
            return False
        return await self.settle(candidate, **outputs)

    async def settle(self, candidate: Candidate, /, **values: Any) -> bool:
        """Copy values to the candidate's fields and run the veto. Returns False if the candidate is dropped."""
        candidate.take(values)
        veto = tools().veto
        candidate.dropped = await veto(candidate) if veto else None
        return candidate.dropped is None

    async def ask(self, candidate: Candidate, name: str, /, *, lm: Any = None, **inputs: Any) -> Outputs | None:
        """The step's output fields, as `lm` gives them; None: the teacher. If the reply is unreadable, empty or cut
        off: None, and the candidate is dropped."""
        outputs = await self._reply(candidate, name, 0, {"lm": lm, **inputs})
        if isinstance(outputs, Drop):
            candidate.dropped = outputs
            return None
        return outputs

    async def sample(
        self, candidate: Candidate, name: str, n: int, /, *, lm: Any = None, **inputs: Any
    ) -> list[Outputs | Drop]:
        """n replies to one call of a step, asked at once; a Drop for each that is unreadable, empty or cut off. The
        candidate stays as it is.

        Each reply has a number of its own among all of its source, so a replay repeats it. Several replies, and those
        to later draws of a source, have a temperature of SAMPLED at least, unless the step sets its own.
        """
        return await self.sample_each([candidate] * n, name, lm=lm, **inputs)

    async def sample_each(
        self, candidates: Sequence[Candidate], name: str, /, *, lm: Any = None, **inputs: Any
    ) -> list[Outputs | Drop]:
        """As `sample`, with a candidate for each reply, to which the call is put down."""
        numbers = [0] if len(candidates) == 1 else range(1, len(candidates) + 1)
        call = {"lm": lm, **inputs}
        return await together(
            self._reply(candidate, name, number, call) for candidate, number in zip(candidates, numbers, strict=True)
        )

    async def again(self, name: str, row: Candidate) -> str | None:
        """The step's last output for a row, asked in another of the step's wordings; None if the reply is unreadable.
        The step's inputs are the row's attributes of the same names.

        Raises RuntimeError if the step has no other wording.
        """
        step, inputs = self.step(name), self._inputs_of(name, row)
        other = next((wording for wording in wordings(step.asked) if wording != step.signature.instructions), None)
        if other is None:
            raise RuntimeError(f"{step.asked.__name__} has one wording only: give it another with @also")
        outputs = await self._reply(row, name, 0, {"signature": reworded(step.signature, other), **inputs})
        return None if isinstance(outputs, Drop) else str([*outputs.values()][-1])

    async def resample(self, name: str, row: Candidate, n: int) -> list[Candidate]:
        """The row with each of n other replies of a step, sampled at a temperature of SAMPLED at least. An unreadable
        reply is left out. The step's inputs are the row's attributes of the same names."""
        with using(draw=max(tools().draw, 1)):  # at draw 0 a single reply would not be sampled
            replies = await self.sample(row, name, n, **self._inputs_of(name, row))
        readable = [reply for reply in replies if not isinstance(reply, Drop)]
        rows = [row.model_copy(update={"dropped": None}) for _ in readable]
        for copy, outputs in zip(rows, readable, strict=True):
            copy.take(outputs)
        return rows

    async def judge(self, aspect: str, row: Candidate) -> Verdict:
        """The verdict of the run's judge for that aspect; unscored if its reply is unreadable.

        Raises RuntimeError if there is no such judge: the recipe must name it.
        """
        judge_row = tools().judge_row
        if judge_row is None:
            raise RuntimeError(f"there is no judge to ask for {aspect!r}: give one with using(judge_row=...)")
        with using(candidate=row):
            return await judge_row(aspect, row)

    def _inputs_of(self, name: str, row: Candidate) -> dict[str, Any]:
        """The inputs of a step for a finished row: its attributes of the same names."""
        return {field: getattr(row, field) for field in self.step(name).signature.input_fields}

    async def _reply(self, candidate: Candidate, name: str, number: int, call: dict[str, Any]) -> Outputs | Drop:
        """Reply `number` to a call, 0 if it is the only one; a Drop if it cannot be read."""
        step, endings = self.step(name), list[Ending]()
        try:
            with using(candidate=candidate, endings=endings):
                prediction = await step.acall(config=_sampling(step, call.get("lm"), number), **call)
        except AdapterParseError as error:
            return dropped(name, error)
        outputs = Outputs({field: prediction[field] for field in step.signature.output_fields})
        outputs.ending = endings[-1] if endings else None
        return outputs

    async def follow(self, name: str, candidate: Candidate) -> None:
        """Run the steps after step `name`, so that a compile can score it. By default there are none."""

    def read(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> list[Candidate]:
        """The partly filled candidates in one reply of step `name`, for a compile to score: by default one, with the
        inputs and outputs in its fields."""
        candidate = self.row()
        candidate.take({**inputs, **outputs})
        return [candidate]


def _sampling(step: Step, lm: Any, number: int) -> dict[str, Any]:
    """The options that make a reply differ from the other replies to its prompt; none for the only reply of a source's
    first draw."""
    draw = tools().draw
    options: dict[str, Any] = {"rollout_id": number * DRAWS + draw} if number else {}
    if (number or draw) and "temperature" not in step.config:
        kwargs = (lm or step.lm or dspy.settings.lm).kwargs
        options["temperature"] = max(SAMPLED, kwargs.get("temperature") or 0.0)
    return options
