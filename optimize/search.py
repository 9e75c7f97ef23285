"""The search over one step: its message format, its wording and its demos, the cheapest question first."""

import asyncio
import dataclasses
import functools
import math
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dspy
from dspy.utils.exceptions import LMInvalidRequestError

from metrics.calibration.intervals import grouped_interval
from metrics.metric import Metric
from optimize.allowance import UNBOUNDED, Allowance, Spent
from optimize.budget import Budget
from optimize.optimizers import optimize
from optimize.scoring import Heard, score_step, silent
from optimize.watch import Watch
from programs.core.program import Program
from programs.core.step import Step
from programs.formats.formats import FORMATS, formats_of
from signatures.variants import wordings

PRICE = 0.02  # the worth that a prompt twice as long must bring


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to ask a step, what it scored on each example, in [0, 1], and how long its prompt is in characters."""

    what: str
    step: Step
    scores: tuple[float, ...] = ()
    length: int = 1

    @property
    def n(self) -> int:
        """How many examples it was scored on."""
        return len(self.scores)

    @property
    def score(self) -> float:
        """The mean over these; 0 for none."""
        return statistics.fmean(self.scores) if self.scores else 0.0


Say = Callable[[str], None]


def _unheard(words: str) -> None:
    pass


def _prefixed(say: Say, name: str, words: str) -> None:
    say(f"{name}: {words}")


class StepSearch:
    """Finds the best way to ask step `name` of a program.

    Variants are raced on examples of which no demo was made and no instruction was proposed: demos and what an
    optimizer sees are of other groups, and no labelled answer that is scored stands in a prompt. Where there is but
    one group it serves as both, and a demo is only kept from its own example. A recipe may make an example of several
    seeds (Self-Instruct's lists of tasks), each a group of its own: such a seed may then stand in a demo and in an
    exam, on a step that has no right answer to give away. Ties go to the earlier variant, which is the simpler one.

    Args:
        heard: called at every score. say: given lines for people. note: given the best score so far, in a few words.
        allowance: what the search may take. Where it is spent, the best of the last race stands; the calls of the
        last race are kept back while an optimizer is at work. novelty: see `score_step`; for steps without labels,
        and in races alone: inside an optimizer every reply is scored for itself. known: ways of asking that were found
        elsewhere, by what they are called; none of their demos may be one of the examples. reflection: the model that
        writes instructions; None: the teacher.
    """

    def __init__(
        self,
        program: Program,
        name: str,
        examples: Sequence[dspy.Example],
        metric: Metric,
        budget: Budget,
        *,
        heard: Heard = silent,
        say: Say = _unheard,
        note: Say = _unheard,
        allowance: Allowance = UNBOUNDED,
        novelty: float = 0.0,
        seed: int = 0,
        known: Mapping[str, Step] | None = None,
        reflection: Any = None,
    ) -> None:
        self.program, self.name, self.metric, self.budget = program, name, metric, budget
        self.heard, self.say, self.note, self.allowance = heard, say, note, allowance
        self.novelty = 0.0 if name in metric.recipe.labelled else novelty
        self.pool, self.exam = _parted(examples, seed)
        self.known, self.reflection = known or {}, reflection
        self.best = Variant("as written", _copy(program.step(name)))

    async def run(self, optimizer: str) -> Variant:
        """The winner; it is also set on the program."""
        try:
            await self._races(optimizer)
        except Spent as spent:
            self.say(f"{self.name}: {spent}; kept the best so far")
        _install(self.program, self.name, self.best.step)
        return self.best

    async def _races(self, optimizer: str) -> None:
        """First the format, which decides most, with and without demos, and what was found elsewhere; then the wording;
        then what the optimizer makes of it all."""
        start = self.best
        formats = [
            self._vary(start, f"{format}, {demos} demos", format=format, demos=self._demos(demos))
            for format in formats_of(dspy.settings.lm)
            for demos in (0, self.budget.demos)
        ]
        found = [Variant(what, _copy(step)) for what, step in self.known.items()]
        await self._halve([*formats, *found], self.budget.rungs)
        others = range(1, len(wordings(start.step.asked)))
        worded = [self._vary(self.best, f"{self.best.what}, wording {w + 1}", wording=w) for w in others]
        await self._halve([self.best, *worded], self.budget.rungs[1:])
        await self._halve([self.best, *await self._demo_variants(optimizer)], self.budget.rungs[-1:])

    async def _halve(self, variants: Sequence[Variant], rungs: Sequence[int]) -> None:
        """Successive halving (Jamieson and Talwalkar 2016): all variants on a few examples, the better half on more."""
        for n in rungs:
            ranked = await self._race(variants, n)
            variants = ranked[: _left(len(ranked))]
        self.say(f"{self.name}: {self._told(ranked)}")

    async def _race(self, variants: Sequence[Variant], n: int) -> list[Variant]:
        """Score variants on the same n examples; best first, of equals the earlier one. The best is kept.

        Where the allowance ends a race, what it has scored is ranked: the best of the race before goes first, so
        that it is only ever put back by what was scored beside it.
        """
        exam, scored, refused = self.exam[:n], list[Variant](), list[LMInvalidRequestError]()
        for variant in variants:
            self.allowance.check(len(exam))
            try:
                scores = await self._scores(variant.step, exam)
            except LMInvalidRequestError as error:  # this way of asking will never pass; others may
                self.say(f"{self.name}: {variant.what} is refused: {str(error).splitlines()[0]}")
                refused.append(error)
                if len(refused) == len(variants):
                    raise
                continue
            length = _length(variant.step, exam[0])
            scored.append(dataclasses.replace(variant, scores=scores, length=length))
            scored.sort(key=_merit, reverse=True)
            self.best = scored[0]
            self.note(f"best so far {self.best.score:.2f}")
        return scored

    def _told(self, ranked: Sequence[Variant]) -> str:
        """Who is ahead, and whether the next one is worse or only behind: paired by example, by document."""
        best, *others = ranked
        said = f"best so far {best.score:.2f} ({best.what}, on {best.n})"
        if not others:
            return said
        gaps = [ours - theirs for ours, theirs in zip(best.scores, others[0].scores, strict=True)]
        lead = grouped_interval(gaps, [example.group for example in self.exam[: best.n]])
        word = "ahead of" if lead.low > 0 else "no measurable difference to"
        return f"{said}, {word} {others[0].what}: {lead}"

    async def _scores(self, step: Step, exam: Sequence[dspy.Example]) -> tuple[float, ...]:
        trial = self.program.deepcopy()
        _install(trial, self.name, step)
        metric = self.metric.showing(trial)
        return (*await score_step(trial, self.name, exam, metric, self.heard, novelty=self.novelty),)

    async def _demo_variants(self, optimizer: str) -> list[Variant]:
        """What DSPy's optimizer makes of the best so far, and the labelled demos nearest to each call."""
        best, variants = self.best, list[Variant]()
        if self.pool and (step := await self._optimized(best.step, optimizer)):
            variants.append(Variant(f"{best.what}, {optimizer}", step))
        if self.pool and self.budget.nearest:
            near = self._vary(best, f"{best.what}, nearest demos", demos=self._demos(len(self.pool)))
            near.step.nearest = self.budget.demos
            variants.append(near)
        return variants

    async def _optimized(self, step: Step, optimizer: str) -> Step | None:
        """What the optimizer makes of the step. A thread cannot be cancelled: interrupted, it ends at its next call."""
        watch = Watch(
            self.program.deepcopy(),
            self.name,
            self.metric,
            len(self.pool[: self.budget.select]),
            allowance=self.allowance,
            reserve=(2 + self.budget.nearest) * len(self.exam[: self.budget.select]),
            note=lambda words: self.note(f"{optimizer}: {words}"),
        )
        heard = functools.partial(_prefixed, self.say, self.name)
        search = functools.partial(optimize, optimizer, step, self.pool, self.budget, watch, heard, self.reflection)
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
        what: str,
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
        return Variant(what, step)

    def _demos(self, n: int) -> list[dspy.Example]:
        """The first n of the demo pool, of as many groups as there are; only the step's own fields."""
        fields = [*self.program.step(self.name).signature.fields]
        return [dspy.Example(**{field: example[field] for field in fields}) for example in self.pool[:n]]


def replies(budget: Budget, formats: int, wordings: int) -> int:
    """About how many replies a search scores, beside its optimizer's: what its progress is told by."""
    races, scored = ((formats, budget.rungs), (wordings, budget.rungs[1:]), (2, budget.rungs[-1:])), 0
    for variants, rungs in races:
        for examples in rungs:
            scored += variants * examples
            variants = _left(variants)
    return scored


def _left(variants: int) -> int:
    """How many variants a rung leaves."""
    return max(2, math.ceil(variants / 2))


def _merit(variant: Variant) -> float:
    """Every call of a run pays for its prompt, so a longer one must be worth `PRICE` more for each doubling."""
    return variant.score - PRICE * math.log2(variant.length)


def _parted(examples: Sequence[dspy.Example], seed: int) -> tuple[list[dspy.Example], list[dspy.Example]]:
    """(demo pool, exam): no group on both sides, each side going round its groups. One group serves as both."""
    groups: dict[str, list[dspy.Example]] = {}
    for example in examples:
        groups.setdefault(str(example.group), []).append(example)
    names = sorted(groups)
    random.Random(f"demos {seed}").shuffle(names)
    half = (len(names) + 1) // 2
    return _round_robin([groups[name] for name in names[:half]]), _round_robin(
        [groups[name] for name in names[half:] or names]
    )


def _round_robin(lists: list[list[dspy.Example]]) -> list[dspy.Example]:
    longest = max(map(len, lists), default=0)
    return [one[i] for i in range(longest) for one in lists if i < len(one)]


def _length(step: Step, example: dspy.Example) -> int:
    inputs = dict(example.inputs())
    messages = FORMATS[step.format].format(step.signature, step.shown(inputs), inputs)
    return sum(len(message["content"]) for message in messages)


def _copy(step: Step) -> Step:
    copy: Step = step.deepcopy()
    return copy


def _install(program: Program, name: str, step: Step) -> None:
    setattr(program, name, _copy(step))
