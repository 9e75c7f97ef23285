"""Watches a DSPy optimizer from inside: every reply that it asks for, its score, and the best variant so far."""

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
from optimize.scoring import Reply, read_reply
from optimize.search_budget import Allowance
from programs.core.background import run_sync
from programs.core.program import Program
from programs.core.row import digest
from programs.core.step import Step
from programs.core.tools import using

GOOD_DEMO = 0.6  # likeness to a person's answer from which a teacher's answer serves as a demo


class StepProgram(dspy.Module):
    """One step as a program of its own, so that DSPy's optimizers change nothing else.

    It asks through `watch`, and always returns: an unreadable reply is a prediction without the step's fields, which
    the metric scores 0. DSPy would count an exception as a technical failure.
    """

    def __init__(self, step: Step, watch: "Watch") -> None:
        super().__init__()
        self.only, self.watch = step, watch

    def forward(self, **inputs: Any) -> dspy.Prediction:
        return self.watch.ask(self.only, inputs)


class Escaped(BaseException):
    """Carries `error` through DSPy, which would score it 0 and continue: a technical failure is not a bad prompt."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Watch(BaseCallback):
    """Stands between one optimizer, working on step `name` of a program, and the models.

    Args:
        n: examples of a full score of one variant. allowance: checked before every batch of calls, and before
        every call outside a batch; `reserve` calls are left for the steps after the optimizer.
        note: receives the optimizer's progress in a few words, at every score.
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
        self._stopped: BaseException | None = None

    @property
    def threshold(self) -> float:
        """The lowest score of a reply that may serve as a demo; without it DSPy would accept replies of score 0.

        It is a likeness if the step has right answers, else the acceptance threshold of rows."""
        return GOOD_DEMO if self.name in self.metric.recipe.labelled else self.metric.fitted.threshold

    def __deepcopy__(self, memo: Any) -> "Watch":
        return self  # optimizers copy the program, which holds this

    def ask(self, step: Step, inputs: dict[str, Any]) -> dspy.Prediction:
        """The step's prediction. Raises Spent if the allowance is spent, and all other errors as a BaseException."""
        with self._loudly():
            if not self._in_batch:
                self.allowance.check(1 + self.reserve)
            prediction = run_sync(_predicted(step, inputs))
        prediction._step = step
        return prediction

    def score(self, example: dspy.Example, prediction: dspy.Prediction) -> Reply:
        """Score a prediction of `ask`, and remember the score for its variant."""
        fields = self.program.step(self.name).signature.output_fields
        outputs = {field: prediction[field] for field in fields if field in prediction}
        with self._loudly():
            variant = self._variant(prediction._step)
            readable = len(outputs) == len(fields)
            reply = run_sync(self._read(example, outputs, self._metrics[variant])) if readable else Reply()
            if prediction._step.lm is None:  # else sampled, as SIMBA does: the step will not be asked like this
                self._remember(variant, example, reply.score)
        return reply

    def best(self) -> Step | None:
        """The variant with the best mean, of those scored on at least half of the examples; None if there is none."""
        means = self._means()
        return self._steps[max(means, key=means.__getitem__)] if means else None

    def stop(self) -> None:
        """Stop the optimizer at its next call."""
        self._stopped = Escaped(InterruptedError())

    def on_evaluate_start(self, call_id: str, instance: Any, inputs: dict[str, Any]) -> None:
        """Called by DSPy when a batch of calls begins: the only moment at which it may be refused."""
        self.allowance.check(len(inputs.get("devset") or instance.devset) + self.reserve)
        self._in_batch = True

    def on_evaluate_end(self, call_id: str, outputs: Any, exception: BaseException | None = None) -> None:
        """Called by DSPy when a batch is done."""
        self._in_batch = False

    async def _read(self, example: dspy.Example, outputs: dict[str, Any], metric: Metric) -> Reply:
        return await read_reply(self.program, self.name, example, outputs, metric)

    def _variant(self, step: Step) -> str:
        """The digest of this variant. A new variant is stored, with a metric that knows its demos."""
        variant = digest(step.signature.instructions, [dict(demo) for demo in step.demos])
        with self._lock:
            if variant not in self._steps:
                self._steps[variant], trial = step.deepcopy(), self.program.deepcopy()
                setattr(trial, self.name, step.deepcopy())
                self._metrics[variant] = self.metric.showing(trial)
        return variant

    def _means(self) -> dict[str, float]:
        return {
            variant: math.fsum(scores.values()) / len(scores)
            for variant, scores in self._scores.items()
            if 2 * len(scores) >= self.n
        }

    def _remember(self, variant: str, example: dspy.Example, score: float) -> None:
        with self._lock:
            self._scores.setdefault(variant, {})[digest(dict(example.inputs()))] = score
            means = self._means()
        self.note(f"best {max(means.values()):.2f}, {len(self._scores)} ways tried" if means else "first way")

    @contextlib.contextmanager
    def _loudly(self) -> Iterator[None]:
        """Make sure that DSPy swallows no error from this block, and that nothing is asked after one."""
        if self._stopped:
            raise self._stopped
        try:
            yield
        except Exception as error:
            self._stopped = Escaped(error)
            raise self._stopped from error
        except BaseException as error:
            self._stopped = error
            raise


async def _predicted(step: Step, inputs: dict[str, Any]) -> dspy.Prediction:
    try:
        with using(trying=True):
            return await step.acall(**inputs)
    except (AdapterParseError, ContextWindowExceededError, LMInvalidRequestError) as error:
        if isinstance(error, LMUnsupportedModelError):
            raise
        unread = dspy.Prediction(reply=getattr(error, "lm_response", None) or str(error))
        if dspy.settings.trace is not None:  # so that a reflecting optimizer sees it
            dspy.settings.trace.append((step, inputs, unread))
        return unread
