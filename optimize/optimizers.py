"""DSPy's optimizers by name, each applied to one step: it chooses the demos, the instruction, or both."""

import contextlib
import dataclasses
import io
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import dspy
from dspy.utils.exceptions import AdapterParseError

from optimize.search_budget import Spent
from optimize.search_size import SearchSize
from optimize.watch import Escaped, StepProgram, Watch
from programs.core.step import Step
from programs.formats.formats import FORMATS

UNLIMITED = 10**9  # unreadable replies must not stop an optimizer; a dead model stops everything by itself
THREADS = 8  # calls that an optimizer makes at once; the order in which they end has no effect
PROPOSING = 1.0  # the temperature at which instructions are proposed; at 0 a model repeats itself
MINIBATCH = 3  # examples that GEPA reflects on at once, as in the paper


@dataclasses.dataclass(frozen=True)
class Study:
    """The input of every optimizer: `examples` to take demos from, and the first of them, `valset`, to score on.

    A demo is never shown with the example that it was made from (`Step.shown`), so the two sets may overlap.
    """

    examples: list[dspy.Example]
    valset: list[dspy.Example]
    size: SearchSize
    watch: Watch
    reflection: Any

    def worth(self, example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
        """The metric in the form of DSPy's older optimizers: a number, since they test its truth value."""
        return self.watch.score(example, prediction).score

    def verdict(
        self,
        gold: dspy.Example,
        pred: dspy.Prediction,
        trace: Any = None,
        pred_name: Any = None,
        pred_trace: Any = None,
    ) -> dspy.Prediction:
        """The metric in the form of GEPA and SIMBA: the score, and feedback in words."""
        reply = self.watch.score(gold, pred)
        return dspy.Prediction(score=reply.score, feedback=reply.feedback)

    @property
    def demos(self) -> dict[str, Any]:
        """The settings of all optimizers that bootstrap: at most half of the demos are the model's own."""
        return {
            "metric": self.worth,
            "metric_threshold": self.watch.threshold,
            "max_errors": UNLIMITED,
            "max_bootstrapped_demos": (self.size.demos + 1) // 2,
            "max_labeled_demos": self.size.demos,
        }


def _labeled(study: Study, student: StepProgram) -> StepProgram:
    return dspy.LabeledFewShot(k=study.size.demos).compile(student, trainset=study.examples)


def _bootstrap(study: Study, student: StepProgram) -> StepProgram:
    return dspy.BootstrapFewShot(**study.demos).compile(student, trainset=study.examples)


def _random_search(study: Study, student: StepProgram) -> StepProgram:
    search = dspy.BootstrapFewShotWithRandomSearch(
        **study.demos, num_candidate_programs=study.size.sets, num_threads=THREADS
    )
    return search.compile(student, trainset=study.examples, valset=study.valset)


def _mipro(study: Study, student: StepProgram) -> StepProgram:
    """Instructions grounded in the data, and demo sets, combined by a Bayesian search (Opsahl-Ong et al. 2024).

    The number of trials is DSPy's for one predictor with demos. A program of one step has no code to describe.
    """
    sets = study.size.sets
    search = dspy.MIPROv2(
        **study.demos,
        prompt_model=study.reflection,
        auto=None,
        num_candidates=sets,
        num_threads=THREADS,
        init_temperature=PROPOSING,
    )
    return search.compile(
        student,
        trainset=study.examples,
        valset=study.valset,
        num_trials=int(max(4 * math.log2(sets), 1.5 * sets)),
        minibatch=False,
        program_aware_proposer=False,
        view_data_batch_size=5,
    )


def _copro(study: Study, student: StepProgram) -> StepProgram:
    """Instructions proposed, scored, and proposed again from the scores (Khattab et al. 2023)."""
    search = dspy.COPRO(
        prompt_model=study.reflection,
        metric=study.worth,
        breadth=study.size.sets,
        depth=2,
        init_temperature=PROPOSING,
    )
    return search.compile(student, trainset=study.valset, eval_kwargs={"num_threads": THREADS})


def _simba(study: Study, student: StepProgram) -> StepProgram:
    """Rules and demos drawn from the examples on which sampled replies differ most.

    Its batches cannot be seen from outside, so under a cap it makes one call at a time.
    """
    sets, minibatch = study.size.sets, min(study.size.rungs[1], len(study.valset))
    search = dspy.SIMBA(
        metric=study.verdict,
        bsize=minibatch,
        num_candidates=min(sets, 6),
        max_steps=max(2, sets // 2),
        max_demos=study.size.demos,
        prompt_model=study.reflection,
        num_threads=1 if study.watch.allowance.bounded else THREADS,
    )
    return search.compile(student, trainset=study.valset)


def _gepa(study: Study, student: StepProgram) -> StepProgram:
    """Instructions rewritten from the feedback on a few replies, kept along a Pareto front (Agrawal et al. 2025)."""
    per_variant = (
        len(study.valset) + 2 * 2 * MINIBATCH
    )  # two proposals for each variant that is kept, each on two minibatches
    search = dspy.GEPA(
        metric=study.verdict,
        max_metric_calls=len(study.valset) + study.size.sets * per_variant,
        reflection_minibatch_size=MINIBATCH,
        reflection_lm=study.reflection,
        instruction_proposer=_drawing(study.reflection),
        use_merge=False,
        num_threads=THREADS,
    )
    return search.compile(student, trainset=study.examples, valset=study.valset)


def _drawing(reflection: Any) -> Callable[..., dict[str, str]]:
    """GEPA's own proposer, with a new draw for each proposal: two in a row may come from the same replies."""
    from dspy.teleprompt.gepa import InstructionProposer

    propose, draws = InstructionProposer(adapter=FORMATS["json"]), itertools.count(1)

    def proposed(**arguments: Any) -> dict[str, str]:
        with dspy.context(lm=reflection.copy(rollout_id=next(draws), temperature=PROPOSING)):
            return propose(**arguments)

    return proposed


OPTIMIZERS: dict[str, Callable[[Study, StepProgram], StepProgram]] = {
    "labeled": _labeled,
    "bootstrap": _bootstrap,
    "random-search": _random_search,
    "mipro": _mipro,
    "gepa": _gepa,
    "simba": _simba,
    "copro": _copro,
}

REFLECTING = frozenset({"mipro", "gepa", "simba", "copro"})
"""The optimizers that need instructions written, by the reflection model or else the teacher."""


def auto(examples: int, budget: str, *, reflects: bool) -> str:
    """The optimizer for a step with this many examples. `reflects`: a model other than the teacher writes instructions.

    With fewer than eight examples, half of them are too few for scoring, and the labels themselves are the best demos.
    With more, a stronger model's instruction helps more than demos by the teacher. Without such a model, bootstrapping
    is the cheapest search, and a random search over demo sets is better if more calls may be spent.
    """
    if examples < 8:
        return "labeled"
    if reflects:
        return "gepa"
    return "bootstrap" if budget == "light" else "random-search"


def optimize(
    optimizer: str,
    step: Step,
    examples: Sequence[dspy.Example],
    size: SearchSize,
    watch: Watch,
    say: Callable[[str], None],
    reflection: Any = None,
) -> Step | None:
    """A copy of the step with the instruction and the demos that an optimizer chose; nothing else changes.

    If the allowance is spent, or no proposal of the reflection model is readable, it is the best variant scored so far,
    or None if there is none. `reflection` is the model that writes instructions; None: the teacher. Call this in a
    thread: it blocks.
    """
    examples = [_example(example, step) for example in examples]
    study = Study(examples, examples[: size.select], size, watch, reflection or dspy.settings.lm)
    with _quiet(), dspy.context(callbacks=[*dspy.settings.callbacks, watch], adapter=FORMATS["json"]):
        chosen = _chosen(optimizer, study, StepProgram(step.deepcopy(), watch), say)
    if chosen is None:
        return None
    fields, result = [*step.signature.fields], step.deepcopy()
    result.signature = step.signature.with_instructions(chosen.signature.instructions)
    result.demos = [dspy.Example(**{field: demo[field] for field in fields if field in demo}) for demo in chosen.demos]
    return cast(Step, result)


def _chosen(optimizer: str, study: Study, student: StepProgram, say: Callable[[str], None]) -> Step | None:
    try:
        return OPTIMIZERS[optimizer](study, student).only
    except Spent as spent:
        say(f"{spent}; kept the best so far")
    except AdapterParseError:
        say(f"{optimizer}: the proposal of the reflection model could not be read; kept the best so far")
    except Escaped as escaped:
        raise escaped.error from escaped
    return study.watch.best()


def _example(example: dspy.Example, step: Step) -> dspy.Example:
    """An example with only the step's own fields: optimizers show a model all fields of an example."""
    signature = step.signature
    return dspy.Example(**{field: example[field] for field in signature.fields}).with_inputs(*signature.input_fields)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence DSPy, which prints, logs and draws bars on both streams. Our own output keeps its original stream."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
