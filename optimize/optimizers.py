"""DSPy's optimizers by name, each applied to one step: they choose its demos, its instruction, or both."""

import contextlib
import dataclasses
import io
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import dspy
from dspy.utils.exceptions import AdapterParseError

from optimize.allowance import Spent
from optimize.budget import Budget
from optimize.watch import Alone, Escaped, Watch
from programs.core.step import Step
from programs.formats.formats import FORMATS

UNLIMITED = 10**9  # unreadable replies are no reason to stop; a dead model stops everything by itself
THREADS = 8  # calls an optimizer makes at once; the order in which they end decides nothing
PROPOSING = 1.0  # the temperature at which instructions are proposed; asked at 0 a model repeats itself
MINIBATCH = 3  # examples that GEPA reflects on at a time, as in the paper


@dataclasses.dataclass(frozen=True)
class Study:
    """What every optimizer is given: `examples` to take demos from, and the first of them, `exam`, to score on.

    A demo is never shown to the example it was made of (`Step.shown`), so that the two may be the same.
    """

    examples: list[dspy.Example]
    exam: list[dspy.Example]
    budget: Budget
    watch: Watch
    reflection: Any

    def worth(self, example: dspy.Example, prediction: dspy.Prediction, trace: Any = None) -> float:
        """The metric as DSPy's older optimizers want it: a number, since they ask whether it is true."""
        return self.watch.score(example, prediction).score

    def verdict(
        self,
        gold: dspy.Example,
        pred: dspy.Prediction,
        trace: Any = None,
        pred_name: Any = None,
        pred_trace: Any = None,
    ) -> dspy.Prediction:
        """The metric as GEPA and SIMBA want it: the score, and what is wrong in words."""
        reply = self.watch.score(gold, pred)
        return dspy.Prediction(score=reply.score, feedback=reply.feedback)

    @property
    def demos(self) -> dict[str, Any]:
        """The settings of everything that bootstraps: at most half of the demos are the model's own."""
        return {
            "metric": self.worth,
            "metric_threshold": self.watch.threshold,
            "max_errors": UNLIMITED,
            "max_bootstrapped_demos": (self.budget.demos + 1) // 2,
            "max_labeled_demos": self.budget.demos,
        }


def _labeled(study: Study, student: Alone) -> Alone:
    return dspy.LabeledFewShot(k=study.budget.demos).compile(student, trainset=study.examples)


def _bootstrap(study: Study, student: Alone) -> Alone:
    return dspy.BootstrapFewShot(**study.demos).compile(student, trainset=study.examples)


def _random_search(study: Study, student: Alone) -> Alone:
    search = dspy.BootstrapFewShotWithRandomSearch(
        **study.demos, num_candidate_programs=study.budget.sets, num_threads=THREADS
    )
    return search.compile(student, trainset=study.examples, valset=study.exam)


def _mipro(study: Study, student: Alone) -> Alone:
    """Instructions grounded in the data, and demo sets, combined by a Bayesian search (Opsahl-Ong et al. 2024).

    Trials as DSPy counts them for one predictor with demos. A program of one step has no code worth describing.
    """
    sets = study.budget.sets
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
        valset=study.exam,
        num_trials=int(max(4 * math.log2(sets), 1.5 * sets)),
        minibatch=False,
        program_aware_proposer=False,
        view_data_batch_size=5,
    )


def _copro(study: Study, student: Alone) -> Alone:
    """Instructions proposed, scored, and proposed again from the scores (Khattab et al. 2023)."""
    search = dspy.COPRO(
        prompt_model=study.reflection,
        metric=study.worth,
        breadth=study.budget.sets,
        depth=2,
        init_temperature=PROPOSING,
    )
    return search.compile(student, trainset=study.exam, eval_kwargs={"num_threads": THREADS})


def _simba(study: Study, student: Alone) -> Alone:
    """Rules and demos drawn from the examples on which sampled replies differ most.

    Its batches cannot be seen from outside, so under a cap it asks one call at a time.
    """
    sets, size = study.budget.sets, min(study.budget.rungs[1], len(study.exam))
    search = dspy.SIMBA(
        metric=study.verdict,
        bsize=size,
        num_candidates=min(sets, 6),
        max_steps=max(2, sets // 2),
        max_demos=study.budget.demos,
        prompt_model=study.reflection,
        num_threads=1 if study.watch.allowance.bounded else THREADS,
    )
    return search.compile(student, trainset=study.exam)


def _gepa(study: Study, student: Alone) -> Alone:
    """Instructions rewritten from the feedback on a few replies, kept along a Pareto front (Agrawal et al. 2025)."""
    per_way = len(study.exam) + 2 * 2 * MINIBATCH  # two proposals a way that is kept, each on two minibatches
    search = dspy.GEPA(
        metric=study.verdict,
        max_metric_calls=len(study.exam) + study.budget.sets * per_way,
        reflection_minibatch_size=MINIBATCH,
        reflection_lm=study.reflection,
        instruction_proposer=_drawing(study.reflection),
        use_merge=False,
        num_threads=THREADS,
    )
    return search.compile(student, trainset=study.examples, valset=study.exam)


def _drawing(reflection: Any) -> Callable[..., dict[str, str]]:
    """GEPA's own proposer, every proposal a draw of its own: two in a row may rest on the same replies."""
    from dspy.teleprompt.gepa import InstructionProposer

    propose, draws = InstructionProposer(adapter=FORMATS["json"]), itertools.count(1)

    def proposed(**given: Any) -> dict[str, str]:
        with dspy.context(lm=reflection.copy(rollout_id=next(draws), temperature=PROPOSING)):
            return propose(**given)

    return proposed


OPTIMIZERS: dict[str, Callable[[Study, Alone], Alone]] = {
    "labeled": _labeled,
    "bootstrap": _bootstrap,
    "random-search": _random_search,
    "mipro": _mipro,
    "gepa": _gepa,
    "simba": _simba,
    "copro": _copro,
}

REFLECTING = frozenset({"mipro", "gepa", "simba", "copro"})
"""Those that have instructions written, by the reflection model or else the teacher."""


def auto(examples: int, budget: str, *, reflects: bool) -> str:
    """The optimizer for a step with this many examples; `reflects` says whether a model other than the teacher would
    rewrite its instruction.

    Below eight examples half of them are too few to score anything on, and the labels themselves are the best demos.
    From there on a stronger model's instruction is worth more than any demos of the teacher's own; without one,
    bootstrapping is the cheapest search, and a random search over demo sets the better one where calls may be spent.
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
    budget: Budget,
    watch: Watch,
    say: Callable[[str], None],
    reflection: Any = None,
) -> Step | None:
    """A copy of the step with the instruction and demos that an optimizer chose from the examples; nothing else.

    Where the allowance is spent, or the reflection model writes nothing readable, the best the optimizer has scored
    so far; None where that is nothing. `reflection` is the model that writes instructions; None: the teacher. Call it
    from a thread: it blocks.
    """
    pool = [_example(example, step) for example in examples]
    study = Study(pool, pool[: budget.select], budget, watch, reflection or dspy.settings.lm)
    with _quiet(), dspy.context(callbacks=[*dspy.settings.callbacks, watch], adapter=FORMATS["json"]):
        chosen = _chosen(optimizer, study, Alone(step.deepcopy(), watch), say)
    if chosen is None:
        return None
    fields, result = [*step.signature.fields], step.deepcopy()
    result.signature = step.signature.with_instructions(chosen.signature.instructions)
    result.demos = [dspy.Example(**{field: demo[field] for field in fields if field in demo}) for demo in chosen.demos]
    return cast(Step, result)


def _chosen(optimizer: str, study: Study, student: Alone, say: Callable[[str], None]) -> Step | None:
    try:
        return OPTIMIZERS[optimizer](study, student).only
    except Spent as spent:
        say(f"{spent}; kept the best so far")
    except AdapterParseError:
        say(f"{optimizer}: what the reflection model proposed could not be read; kept the best so far")
    except Escaped as escaped:
        raise escaped.error from escaped
    return study.watch.best()


def _example(example: dspy.Example, step: Step) -> dspy.Example:
    """The step's own fields alone: optimizers show a model whatever an example holds."""
    signature = step.signature
    return dspy.Example(**{field: example[field] for field in signature.fields}).with_inputs(*signature.input_fields)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """DSPy prints, logs and draws bars on both streams; ours hold on to the stream they started with."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
