"""The search over one step: its message format, its wording and its demos, the cheapest question first."""

import asyncio
import dataclasses
import math
import random
from collections.abc import Callable, Sequence

import dspy

from metrics.metric import Metric
from optimize.optimizers import OPTIMIZERS
from optimize.scoring import Heard, score_step
from programs.formats import FORMATS
from programs.program import Program
from programs.step import Step
from signatures.wording import wordings


@dataclasses.dataclass(frozen=True)
class Budget:
    """How far a search goes.

    Attributes:
        glance, probe, select: examples a variant is scored on at first sight, while narrowing, and at the end.
        demos: the most shown. sets: demo sets a random search draws. nearest: try demos chosen per call by
        embedding; they cost a cold prompt each time.
    """

    glance: int
    probe: int
    select: int
    demos: int
    sets: int
    nearest: bool


KEPT = 2  # variants that are looked at again after the first sight
PRICE = 0.02  # the worth that a prompt twice as long must bring

BUDGETS = {
    "light": Budget(3, 6, 10, 4, 3, nearest=False),
    "medium": Budget(4, 12, 24, 8, 8, nearest=True),
    "heavy": Budget(8, 24, 48, 8, 16, nearest=True),
}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One way to ask a step, what it scored on how many examples, and how long its prompt is in characters."""

    what: str
    step: Step
    score: float = 0.0
    n: int = 0
    length: int = 1


Say = Callable[[str], None]


class StepSearch:
    """Finds the best way to ask step `name` of a program.

    Examples whose group is among the demos' are never those a variant is scored on, so that no variant wins by
    having seen the answer. Ties go to the earlier variant, which is the simpler one.
    """

    def __init__(
        self,
        program: Program,
        name: str,
        examples: Sequence[dspy.Example],
        metric: Metric,
        budget: Budget,
        *,
        heard: Heard,
        say: Say,
        seed: int = 0,
    ) -> None:
        self.program, self.name, self.metric, self.budget = program, name, metric, budget
        self.heard, self.say = heard, say
        self.pool, self.exam = _parted(examples, seed)

    async def run(self, optimizer: str) -> list[Variant]:
        """Every variant scored, the winner last; it is also set on the program."""
        start = Variant("as written", _copy(self.program.step(self.name)))
        formats = [
            self._vary(start, f"{format}, {demos} demos", format=format, demos=self._demos(demos))
            for format in FORMATS
            for demos in (0, self.budget.demos)
        ]
        seen = await self._race(formats, self.budget.glance)
        narrowed = await self._race(seen[-KEPT:], self.budget.probe)
        best = narrowed[-1]
        others = range(1, len(wordings(start.step.asked)))
        worded = [self._vary(best, f"{best.what}, wording {w + 1}", wording=w) for w in others]
        best = (await self._race([best, *worded], self.budget.probe))[-1]
        last = await self._race([best, *await self._demo_variants(best, optimizer)], self.budget.select)
        _install(self.program, self.name, last[-1].step)
        return [*seen, *narrowed, *last]

    async def _race(self, variants: Sequence[Variant], n: int) -> list[Variant]:
        """Score variants on the same n examples; worst first, best last, of equals the earlier one last.

        Every call of a run pays for its prompt, so a longer one must be worth `PRICE` more for each doubling.
        """
        exam = self.exam[:n]
        scored = [
            dataclasses.replace(
                variant, score=await self._score(variant.step, exam), n=len(exam), length=_length(variant.step, exam[0])
            )
            for variant in variants
        ]
        scored.reverse()
        ranked = sorted(scored, key=lambda variant: variant.score - PRICE * math.log2(variant.length))
        self.say(f"{self.name}: best so far {ranked[-1].score:.2f} ({ranked[-1].what}, on {len(exam)})")
        return ranked

    async def _score(self, step: Step, exam: Sequence[dspy.Example]) -> float:
        trial = self.program.deepcopy()
        _install(trial, self.name, step)
        scores = await score_step(trial, self.name, exam, self.metric, self.heard)
        return sum(scores) / len(scores) if scores else 0.0

    async def _demo_variants(self, best: Variant, optimizer: str) -> list[Variant]:
        """More or nearer labelled demos, and what DSPy's optimizer makes of them."""
        if not self.pool:
            return []
        compiled = await asyncio.to_thread(self._optimize, best.step, optimizer)
        variants = [Variant(f"{best.what}, {optimizer} demos", compiled)]
        if self.budget.nearest:
            near = self._vary(best, f"{best.what}, nearest demos", demos=self._demos(len(self.pool)))
            near.step.nearest = self.budget.demos
            variants.append(near)
        return variants

    def _optimize(self, step: Step, optimizer: str) -> Step:
        trial = self.program.deepcopy()
        _install(trial, self.name, step)
        return OPTIMIZERS[optimizer](trial, self.name, self.pool, self.metric, self.budget.demos, self.budget.sets)

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
