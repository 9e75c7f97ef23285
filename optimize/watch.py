"""What goes on inside a DSPy optimizer: every reply it asks for, its score, and the best way of asking so far."""

import contextlib
import math
import threading
from collections.abc import Callable, Iterator
from typing import Any

import dspy
from dspy.utils.callback import BaseCallback
from dspy.utils.exceptions import (
    AdapterParseError,
    ContextWindowExceededError,
    LMInvalidRequestError,
    LMUnsupportedModelError,
)

from metrics.metric import Metric
from optimize.allowance import Allowance
from optimize.scoring import Reply, read_reply
from programs.core.candidate import digest
from programs.core.program import Program, run_sync
from programs.core.step import Step
from programs.core.tools import using

ALIKE = 0.6  # likeness to a person's answer from which a teacher's own is as good as it for a demo


class Alone(dspy.Module):
    """One step as a program of its own, so that DSPy's optimizers touch nothing else.

    It asks through `watch`, and answers every call: an unreadable reply is a prediction without the step's fields,
    which the metric scores 0, where an exception would be counted as a failure of the machinery.
    """

    def __init__(self, step: Step, watch: "Watch") -> None:
        super().__init__()
        self.only, self.watch = step, watch

    def forward(self, **inputs: Any) -> dspy.Prediction:
        return self.watch.ask(self.only, inputs)


class Escaped(BaseException):
    """Carries `error` past DSPy, which would score it 0 and go on: a fault of the machinery is no bad prompt."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Watch(BaseCallback):
    """Stands between one optimizer, working on step `name` of a program, and the models.

    Args:
        n: examples a way of asking is scored on in full. allowance: asked before every batch of calls, and before
        every call outside of one; `reserve` calls are kept back for what comes after the optimizer.
        note: told in a few words how far the optimizer is, at every score.
    """

    def __init__(
        self,
        program: Program,
        name: str,
        metric: Metric,
        n: int,
        *,
        allowance: Allowance,
        reserve: int,
        note: Callable[[str], None],
    ) -> None:
        self.program, self.name, self.metric, self.n = program, name, metric, n
        self.allowance, self.reserve, self.note = allowance, reserve, note
        self._steps, self._scores = dict[str, Step](), dict[str, dict[str, float]]()
        self._metrics = dict[str, Metric]()
        self._lock, self._in_batch = threading.Lock(), False
        self._over: BaseException | None = None

    @property
    def threshold(self) -> float:
        """The least worth of a reply that may serve as a demo; without one DSPy would keep those of score 0. Where
        there is a right answer, the likeness to it; else what a row must be worth."""
        return ALIKE if self.name in self.metric.recipe.labelled else self.metric.fitted.threshold

    def __deepcopy__(self, memo: Any) -> "Watch":
        return self  # optimizers copy the program that asks through it

    def ask(self, step: Step, inputs: dict[str, Any]) -> dspy.Prediction:
        """The step's prediction. Raises Spent where the allowance is, and as a BaseException whatever went wrong."""
        with self._loudly():
            if not self._in_batch:
                self.allowance.check(1 + self.reserve)
            prediction = run_sync(_asked(step, inputs))
        prediction._step = step
        return prediction

    def score(self, example: dspy.Example, prediction: dspy.Prediction) -> Reply:
        """The worth of what `ask` brought, remembered for the way of asking that brought it."""
        fields = self.program.step(self.name).signature.output_fields
        outputs = {field: prediction[field] for field in fields if field in prediction}
        with self._loudly():
            way = self._way(prediction._step)
            readable = len(outputs) == len(fields)
            reply = run_sync(self._read(example, outputs, self._metrics[way])) if readable else Reply()
            if prediction._step.lm is None:  # else sampled, as SIMBA draws replies: not how the step will be asked
                self._remember(way, example, reply.score)
        return reply

    def best(self) -> Step | None:
        """The way of asking with the best mean, of those scored on half of the examples at least; None for none."""
        means = self._means()
        return self._steps[max(means, key=means.__getitem__)] if means else None

    def stop(self) -> None:
        """Nothing is asked any more: whoever asks is stopped."""
        self._over = Escaped(InterruptedError())

    def on_evaluate_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """A batch of calls begins: the only moment at which it may be refused."""
        self.allowance.check(len(inputs.get("devset") or instance.devset) + self.reserve)
        self._in_batch = True

    def on_evaluate_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """A batch is done."""
        self._in_batch = False

    async def _read(self, example: dspy.Example, outputs: dict[str, Any], metric: Metric) -> Reply:
        return await read_reply(self.program, self.name, example, outputs, metric)

    def _way(self, step: Step) -> str:
        """The name of this way of asking; at first sight it is kept, with the metric that knows its demos."""
        way = digest(step.signature.instructions, [dict(demo) for demo in step.demos])
        with self._lock:
            if way not in self._steps:
                self._steps[way], trial = step.deepcopy(), self.program.deepcopy()
                setattr(trial, self.name, step.deepcopy())
                self._metrics[way] = self.metric.showing(trial)
        return way

    def _means(self) -> dict[str, float]:
        return {
            way: math.fsum(scores.values()) / len(scores)
            for way, scores in self._scores.items()
            if 2 * len(scores) >= self.n
        }

    def _remember(self, way: str, example: dspy.Example, score: float) -> None:
        with self._lock:
            self._scores.setdefault(way, {})[digest(dict(example.inputs()))] = score
            means = self._means()
        self.note(f"best {max(means.values()):.2f}, {len(self._scores)} ways tried" if means else "first way")

    @contextlib.contextmanager
    def _loudly(self) -> Iterator[None]:
        """Nothing that goes wrong inside is swallowed, and nothing is asked after it."""
        if self._over:
            raise self._over
        try:
            yield
        except Exception as error:
            self._over = Escaped(error)
            raise self._over from error
        except BaseException as error:
            self._over = error
            raise


async def _asked(step: Step, inputs: dict[str, Any]) -> dspy.Prediction:
    try:
        with using(trying=True):
            return await step.acall(**inputs)
    except (AdapterParseError, ContextWindowExceededError, LMInvalidRequestError) as error:
        if isinstance(error, LMUnsupportedModelError):
            raise
        unread = dspy.Prediction(reply=getattr(error, "lm_response", None) or str(error))
        if dspy.settings.trace is not None:  # so that an optimizer that reflects sees it
            dspy.settings.trace.append((step, inputs, unread))
        return unread
