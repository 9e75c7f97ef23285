"""The base class of every recipe's program: asynchronous inside, callable from ordinary code."""

from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError

from programs.core.background import run_sync
from programs.core.row import Candidate
from programs.core.step import Step
from programs.core.tools import tools, using
from programs.formats.replies import dropped


class Program(dspy.Module):
    """A recipe's program. Subclasses write `aforward(**inputs) -> dspy.Prediction(candidates=[...])`.

    `row` is the class of its candidates.
    """

    row: type[Candidate] = Candidate

    def forward(self, **inputs: Any) -> dspy.Prediction:
        return run_sync(self.aforward(**inputs))

    async def aforward(self, *args: Any, **inputs: Any) -> dspy.Prediction:
        raise NotImplementedError

    def step(self, name: str) -> Step:
        """The predictor of that name."""
        step = getattr(self, name, None)  # searching the whole program takes a tenth of a call's time
        return step if isinstance(step, Step) else dict(self.named_predictors())[name]

    async def fill(self, candidate: Candidate, name: str, **inputs: Any) -> bool:
        """Ask step `name` and copy its outputs to the candidate. Returns False if the candidate is dropped.

        A reply that cannot be read drops the candidate. So does `Tools.veto`, before the next call is paid.
        """
        outputs = await self.ask(candidate, name, **inputs)
        if outputs is None:
            return False
        return await self.settle(candidate, **outputs)

    async def settle(self, candidate: Candidate, **values: Any) -> bool:
        """Copy values to the candidate's fields and run the veto. Returns False if the candidate is dropped."""
        candidate.take(values)
        veto = tools().veto
        candidate.dropped = await veto(candidate) if veto else None
        return candidate.dropped is None

    async def ask(self, candidate: Candidate, name: str, **inputs: Any) -> dict[str, Any] | None:
        """The step's output fields. If the reply is unreadable, empty or cut off: None, and the candidate is
        dropped."""
        try:
            with using(candidate=candidate):
                prediction = await self.step(name).acall(**inputs)
        except AdapterParseError as error:
            candidate.dropped = dropped(name, error)
            return None
        return {field: prediction[field] for field in self.step(name).signature.output_fields}

    async def follow(self, name: str, candidate: Candidate) -> None:
        """Run the steps after step `name`, so that a compile can score it. By default there are none."""

    def read(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> list[Candidate]:
        """The partly filled candidates in one reply of step `name`, for a compile to score."""
        raise NotImplementedError
