"""The search over one step: its message format, its instruction and its demos, the cheapest choice first."""

import asyncio
import dataclasses
import functools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import dspy
from dspy.utils.exceptions import LMInvalidRequestError

from metrics.calibration.intervals import grouped_interval
from metrics.metric import Metric
from optimize.optimizers import optimize
from optimize.scoring import OnScore, score_step, silent
from optimize.search_budget import UNBOUNDED, Allowance, Spent
from optimize.search_size import SearchSize
from optimize.variant import Lap, Variant
from optimize.watch import Watch
from programs.core.program import Program
from programs.core.step import Step
from programs.formats.formats import FORMATS, formats_of
from signatures.variants import wordings

Say = Callable[[str], None]


def _ignore(line: str) -> None:
    pass


def _prefixed(say: Say, name: str, line: str) -> None:
    say(f"{name}: {line}")


class StepSearch:
    """Finds the best way to ask step `name` of a program.

    Variants race on a validation set from which no demo was made and no instruction was proposed. Demos, and all
    examples that an optimizer sees, come from other groups, so no scored answer is in a prompt. If there is only one
    group, it serves as both sets, and a demo is never shown with its own example. A recipe may make one example of
    several seeds (Self-Instruct's lists of tasks), each its own group: such a seed may be in a demo and in the
    validation set, on a step that has no right answer to give away. Ties go to the earlier variant, the simpler one.

    Args:
        on_score: called at every score. say: receives lines for people. note: receives the best score so far, briefly.
        allowance: the limit of the search. If it is spent, the best of the last race wins; while an optimizer runs, the
        calls of the last race are reserved. novelty: see `score_step`; only for steps without labels, and only in
        races: inside an optimizer every reply is scored alone. known_steps: steps found elsewhere, by name; none of
        their demos may be one of the examples. reflection: the model that writes instructions; None: the teacher.

    `laps`: every variant of every race so far.
    """

    def __init__(
        self,
        program: Program,
        name: str,
        examples: Sequence[dspy.Example],
        metric: Metric,
        size: SearchSize,
        *,
        on_score: OnScore = silent,
        say: Say = _ignore,
        note: Say = _ignore,
        allowance: Allowance = UNBOUNDED,
        novelty: float = 0.0,
        seed: int = 0,
        known_steps: Mapping[str, Step] | None = None,
        reflection: Any = None,
    ) -> None:
        self.program, self.name, self.metric, self.size = program, name, metric, size
        self.on_score, self.say, self.note, self.allowance = on_score, say, note, allowance
        self.novelty = 0.0 if name in metric.recipe.labelled else novelty
        self.trainset, self.valset = _split(examples, seed)
        self.known_steps, self.reflection = known_steps or {}, reflection
        self.best, self.laps = Variant("as written", _copy(program.step(name))), list[Lap]()

    async def run(self, optimizer: str) -> Variant:
        """The winner, which is also set on the program."""
        try:
            await self._races(optimizer)
        except Spent as spent:
            self.say(f"{self.name}: {spent}; kept the best so far")
        _install(self.program, self.name, self.best.step)
        return self.best

    async def _races(self, optimizer: str) -> None:
        """Race first the formats, which matter most, with and without demos, and the known steps; then the
        instructions; then the optimizer's result. A bare step has one format and shows no instruction."""
        start = self.best
        formats = [
            self._vary(start, f"{format}, {demos} demos", format=format, demos=self._demos(demos))
            for format in formats_tried(start.step, dspy.settings.lm)
            for demos in (0, self.size.demos)
        ]
        transferred = [Variant(name, _copy(step)) for name, step in self.known_steps.items()]
        await self._halve([*formats, *transferred], self.size.rungs)
        indices = range(1, wordings_tried(start.step))
        reworded = [self._vary(self.best, f"{self.best.name}, wording {index + 1}", wording=index) for index in indices]
        await self._halve([self.best, *reworded], self.size.rungs[1:])
        await self._halve([self.best, *await self._demo_variants(optimizer)], self.size.rungs[-1:])

    async def _halve(self, variants: Sequence[Variant], rungs: Sequence[int]) -> None:
        """Successive halving (Jamieson and Talwalkar 2016): all variants on a few examples, the better half on more."""
        for rung, n in enumerate(rungs, 1):
            ranked = await self._race(variants, n)
            variants = ranked[: _survivors(len(ranked))] if rung < len(rungs) else ranked[:1]
            self._record(ranked, len(variants))
        self.say(f"{self.name}: {self._standing(ranked)}")

    async def _race(self, variants: Sequence[Variant], n: int) -> list[Variant]:
        """Score variants on the same n examples, best first; of equals the earlier one is first. Sets `best`.

        If the allowance ends a race, the variants scored so far are ranked. The best of the race before goes first, so
        only a variant scored on the same examples can replace it.
        """
        examples, scored, refusals = self.valset[:n], list[Variant](), list[LMInvalidRequestError]()
        for variant in variants:
            self.allowance.check(len(examples))
            try:
                scores = await self._scores(variant.step, examples)
            except LMInvalidRequestError as error:  # this variant will never pass; others may
                self.say(f"{self.name}: {variant.name} is refused: {str(error).splitlines()[0]}")
                refusals.append(error)
                if len(refusals) == len(variants):
                    raise
                continue
            length = _length(variant.step, examples[0])
            scored.append(dataclasses.replace(variant, scores=scores, length=length))
            scored.sort(key=attrgetter("merit"), reverse=True)
            self.best = scored[0]
            self.note(f"best so far {self.best.score:.2f}")
        return scored

    def _record(self, ranked: Sequence[Variant], kept: int) -> None:
        """Record a race, its variants from the best to the worst, of which the first few are kept."""
        stage, replies = 1, 0
        if self.laps:
            stage, replies = self.laps[-1].stage + 1, self.laps[-1].replies
        for place, variant in enumerate(ranked):
            replies += variant.n
            self.laps.append(
                Lap(
                    step=self.name,
                    stage=stage,
                    variant=variant.name,
                    score=variant.score,
                    n=variant.n,
                    length=variant.length,
                    kept=place < kept,
                    replies=replies,
                )
            )

    def _standing(self, ranked: Sequence[Variant]) -> str:
        """The best variant, and whether the second is measurably worse: paired by example, grouped by document."""
        first, *rest = ranked
        best_text = f"best so far {first.score:.2f} ({first.name}, on {first.n})"
        if not rest:
            return best_text
        gaps = [score - rival_score for score, rival_score in zip(first.scores, rest[0].scores, strict=True)]
        gap = grouped_interval(gaps, [example.group for example in self.valset[: first.n]])
        comparison = "ahead of" if gap.low > 0 else "no measurable difference to"
        return f"{best_text}, {comparison} {rest[0].name}: {gap}"

    async def _scores(self, step: Step, examples: Sequence[dspy.Example]) -> tuple[float, ...]:
        trial = self.program.deepcopy()
        _install(trial, self.name, step)
        metric = self.metric.showing(trial)
        return (*await score_step(trial, self.name, examples, metric, self.on_score, novelty=self.novelty),)

    async def _demo_variants(self, optimizer: str) -> list[Variant]:
        """Two variants of the best so far: DSPy's optimizer's result, and the labelled demos nearest to each call."""
        best, variants = self.best, list[Variant]()
        if self.trainset and (step := await self._optimized(best.step, optimizer)):
            variants.append(Variant(f"{best.name}, {optimizer}", step))
        if self.trainset and self.size.nearest:
            near = self._vary(best, f"{best.name}, nearest demos", demos=self._demos(len(self.trainset)))
            near.step.nearest = self.size.demos
            variants.append(near)
        return variants

    async def _optimized(self, step: Step, optimizer: str) -> Step | None:
        """The optimizer's result for the step. A thread cannot be cancelled: it ends at its next call."""
        watch = Watch(
            self.program.deepcopy(),
            self.name,
            self.metric,
            len(self.trainset[: self.size.select]),
            allowance=self.allowance,
            reserve=(2 + self.size.nearest) * len(self.valset[: self.size.select]),
            note=lambda line: self.note(f"{optimizer}: {line}"),
        )
        say = functools.partial(_prefixed, self.say, self.name)
        search = functools.partial(optimize, optimizer, step, self.trainset, self.size, watch, say, self.reflection)
        work = asyncio.ensure_future(asyncio.to_thread(search))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            watch.stop()
            await asyncio.gather(work, return_exceptions=True)
            raise

    def _vary(
        self,
        variant: Variant,
        name: str,
        *,
        format: str | None = None,
        wording: int | None = None,
        demos: list[dspy.Example] | None = None,
    ) -> Variant:
        step = _copy(variant.step)
        step.format = format or step.format
        step.demos = step.demos if demos is None else demos
        if wording is not None:
            step.signature = step.signature.with_instructions(wordings(step.asked)[wording])
        return Variant(name, step)

    def _demos(self, n: int) -> list[dspy.Example]:
        """The first n examples of the training set, from all its groups; only the step's own fields."""
        fields = [*self.program.step(self.name).signature.fields]
        return [dspy.Example(**{field: example[field] for field in fields}) for example in self.trainset[:n]]


def formats_tried(step: Step, lm: Any) -> list[str]:
    """The formats that a search tries for a step."""
    return [step.format] if step.is_bare else formats_of(lm)


def wordings_tried(step: Step) -> int:
    """The number of wordings that a search tries for a step, its own included; a bare step shows none."""
    return 1 if step.is_bare else len(wordings(step.asked))


def replies(size: SearchSize, formats: int, wordings: int) -> int:
    """The approximate number of replies that a search scores, without those of its optimizer. For progress bars."""
    races, total = ((formats, size.rungs), (wordings, size.rungs[1:]), (2, size.rungs[-1:])), 0
    for variants, rungs in races:
        for examples in rungs:
            total += variants * examples
            variants = _survivors(variants)
    return total


def _survivors(variants: int) -> int:
    """The number of variants left after a rung."""
    return max(2, math.ceil(variants / 2))


def _split(examples: Sequence[dspy.Example], seed: int) -> tuple[list[dspy.Example], list[dspy.Example]]:
    """(training set, validation set), without a group in both; each takes turns among its groups. One group alone
    serves as both."""
    groups: dict[str, list[dspy.Example]] = {}
    for example in examples:
        groups.setdefault(str(example.group), []).append(example)
    names = sorted(groups)
    random.Random(f"demos {seed}").shuffle(names)
    half = (len(names) + 1) // 2
    return _round_robin([groups[name] for name in names[:half]]), _round_robin(
        [groups[name] for name in names[half:] or names]
    )


def _round_robin(groups: list[list[dspy.Example]]) -> list[dspy.Example]:
    longest = max(map(len, groups), default=0)
    return [group[i] for i in range(longest) for group in groups if i < len(group)]


def _length(step: Step, example: dspy.Example) -> int:
    inputs = dict(example.inputs())
    messages = FORMATS[step.format].format(step.signature, step.shown(inputs), inputs)
    return sum(len(message["content"]) for message in messages)


def _copy(step: Step) -> Step:
    copy: Step = step.deepcopy()
    return copy


def _install(program: Program, name: str, step: Step) -> None:
    setattr(program, name, _copy(step))
