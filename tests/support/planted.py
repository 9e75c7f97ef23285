"""Rows of which it is known that they are bad: a program is run on good replies, some of which are spoilt in one way.

A recipe's plant is the file of its name in `tests/plants/`, with one constant:

    PLANT = Plant(
        inputs=[{"tasks": "1. Name a river."}, ...],                      # of the program, one set a source
        good={"write_instance": lambda call: {"input": "none", "output": f"Reply {call.index}."}, ...},
        faults={
            "no output": Fault("write_instance", lambda call, reply: reply | {"output": ""}, by="check"),
            "wrong output": Fault("write_instance", lambda call, reply: reply | {"output": "Blue."}, by="judge"),
        },
    )

`good` has every step that the program asks with these inputs, by name. A reply is a dict of the step's output fields,
or a text, which is then the whole reply. It may depend on the `Call` alone: its inputs (all as texts), the draw, the
model, and the index, which is the place of the source in `inputs`. A fault may return the good reply where it does not
fit; then nothing is planted.

A judge that `good` names as a step, such as `judge aspects`, follows that script, and errs where a fault says so.

For each fault the program meets the same sources again, and RATE of the step's replies are spoilt. The same call is
spoilt whenever it is asked, so that a round trip finds the same mistake. A row is bad if no row of that source was
like it when all replies were good, unless the plant has its own `is_good`; of one that a judge rejected half-way only
what is filled counts. The gate is a run's: checks, evidence, judges, round trip and duplicates, with hashed words for
an embedder and no verdicts. The judge's model knows the truth, and errs so often on good and on bad rows alike that its
kappa is KAPPA.
"""

import dataclasses
import importlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import dspy
import numpy as np
from support.paths import TESTS
from support.scripted_program import Call, Reply, Scripted, Steps, in_json, typed
from support.shipped import seeds_of

from metrics.calibration.agreement import kappa
from metrics.calibration.fit import prior
from metrics.checks.manner import Manner
from metrics.evidence import PARTS
from metrics.metric import Bars, Metric
from optimize.scoring import score_source
from programs.core.background import run_sync
from programs.core.program import Program
from programs.core.recipe import Recipe, recipes
from programs.core.row import Candidate, Drop, Source, digest
from programs.judges.judge import aspects_of, judges_of
from seedbed.models.hashed_words import HASHED_WORDS, hashed_words
from seedbed.models.lm import TeacherLM
from seedbed.runs.dedup.duplicates import Duplicates

RATE, KAPPA = 0.2, 0.6
NEAR = 0.9  # ROUGE-L of near duplicates: the default of gates.near_duplicate
RELEVANCE = 0.1  # half of the default: hashed words know no meaning
JUDGED = ("judge", "threshold")  # how the steps of drops begin that a judge's verdict may have decided


@dataclasses.dataclass(frozen=True)
class Fault:
    """A way in which a reply of a step is wrong, and who is there to find it."""

    step: str
    bad: Callable[[Call, Any], Reply]
    by: Literal["check", "judge"]


@dataclasses.dataclass(frozen=True)
class Plant:
    """A recipe's sources, good replies and faults: see the module. `options`: those of the recipe that differ.
    `is_good`: whether a row is good, of a recipe whose good rows may differ from those of good replies, as pairs do
    when one of several answers is spoilt."""

    inputs: Sequence[dict[str, Any]]
    good: Mapping[str, Callable[[Call], Reply]]
    faults: Mapping[str, Fault]
    options: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    is_good: Callable[[Any], bool] | None = None

    def program(self, recipe: Recipe) -> Program:
        """The recipe's program with these options."""
        return recipe.program(recipe.options(**self.options))


@dataclasses.dataclass(frozen=True)
class Figures:
    """What became of a fault's rows, and of the good rows beside them.

    Attributes:
        planted, kept_out: bad rows. by_rule: those kept out without a judge. reasons: why, with counts.
        good, accepted: good rows. refused: those that a rule refused.
        kappa: of the judge's verdicts with the truth; None where all that it saw was good, or all was bad.
    """

    planted: int
    kept_out: int
    by_rule: int
    reasons: Counter[str]
    good: int
    accepted: int
    refused: int
    kappa: float | None

    @property
    def share(self) -> float:
        """The share of the bad rows that is kept out."""
        return self.kept_out / self.planted

    @property
    def share_by_rule(self) -> float:
        """The share of the bad rows that is kept out without a judge."""
        return self.by_rule / self.planted

    @property
    def is_no_worse_than_chance(self) -> bool:
        """Whether the judge keeps out as large a share of the bad rows that reach it as of the good ones."""
        bad, good = self.planted - self.by_rule, self.good - self.refused
        return (self.kept_out - self.by_rule) * good >= (good - self.accepted) * bad


Row = tuple[int, Candidate, Drop | None]
"""The number of its source, the row, and why it was rejected."""


class PlantedProgram:
    """A recipe's program with its gate, and the rows that come of good replies alone."""

    def __init__(self, recipe: Recipe, plant: Plant) -> None:
        self._recipe, self._plant = recipe, plant
        self.steps = Steps(plant.program(recipe), judges_of(recipe))
        self._judges = [in_json(judges_of(recipe)[aspect]()) for aspect in aspects_of(recipe)]
        self._levels = {f"judge {judge.aspect}": judge.levels for judge in self._judges}
        self._sound = set[str]()  # the judges' calls about rows of good replies
        self.good = self._rows(self._good_reply, self._first_verdict)
        self._known = {_identity(index, row) for index, row, _ in self.good}
        self._good_fields = [(index, _fields(row)) for index, row, _ in self.good]

    def figures(self, fault: Fault, rounds: int = 1) -> Figures:
        """What became of the rows when this fault was planted, in so many rounds with other places for it."""
        verdicts = list[tuple[bool, bool]]()
        rows = [row for seed in range(rounds) for row in self._spoilt(fault, seed, verdicts)]
        bad = [row[2] for row in rows if not self._is_good(row)]
        good = [row[2] for row in rows if self._is_good(row)]
        return Figures(
            planted=len(bad),
            kept_out=sum(drop is not None for drop in bad),
            by_rule=sum(map(_is_rule, bad)),
            reasons=Counter(drop.reason for drop in bad if drop),
            good=len(good),
            accepted=sum(drop is None for drop in good),
            refused=sum(map(_is_rule, good)),
            kappa=_kappa(verdicts),
        )

    def _is_good(self, row: Row) -> bool:
        """Whether all replies of a row were good. What a judge rejects before its end holds a part of a good row."""
        index, candidate, drop = row
        if self._plant.is_good:
            return self._plant.is_good(candidate)
        if _identity(index, candidate) in self._known:
            return True
        by_judge = drop is not None and drop.step.startswith("judge")
        return by_judge and any(index == place and _fields(candidate) <= good for place, good in self._good_fields)

    def _spoilt(self, fault: Fault, seed: int, verdicts: list[tuple[bool, bool]]) -> list[Row]:
        """The rows when this fault is planted. Adds each verdict of a judge, and what it should have been."""

        def reply(call: Call) -> Reply:
            good = self._good_reply(call)
            return fault.bad(call, good) if call.step == fault.step and _chance("bad", seed, call) < RATE else good

        def verdict(call: Call) -> bool:
            truth = _about(call) in self._sound
            verdicts.append((truth ^ (_chance("errs", seed, call) < error_rate(KAPPA, 1 - RATE)), truth))
            return verdicts[-1][0]

        return self._rows(reply, verdict)

    def _good_reply(self, call: Call) -> Reply:
        return self._plant.good[call.step](call)

    def _first_verdict(self, call: Call) -> bool:
        self._sound.add(_about(call))
        return True

    def _rows(self, reply: Callable[[Call], Reply], verdict: Callable[[Call], bool]) -> list[Row]:
        """The rows of all sources, in order, with these replies and verdicts."""
        place = [0]

        def answer(call: Call) -> Reply:
            call = call._replace(index=place[0])
            is_scripted = call.step in self._plant.good or not call.step.startswith("judge ")
            return reply(call) if is_scripted else self._judgement(call, verdict)

        program, metric = in_json(self._plant.program(self._recipe)), self._metric()
        duplicates, rows = Duplicates(NEAR), list[Row]()
        with dspy.context(lm=TeacherLM("planted", Scripted(self.steps, answer)), disable_history=True):
            for place[0], inputs in enumerate(self._plant.inputs):
                source = Source(id=f"s-{place[0]}", group=f"s-{place[0]}", inputs=dict(inputs))
                for scored in run_sync(score_source(program, source, metric)):
                    drop = scored.worth.drop or duplicates.refusal(scored.candidate)
                    if not drop:
                        duplicates.remember(scored.candidate)
                    rows.append((place[0], scored.candidate, drop))
        return rows

    def _metric(self) -> Metric:
        seeds = seeds_of(self._recipe)
        answers = [seed.row.response for seed in seeds if seed.row and not seed.row.refuses]
        return Metric(
            self._recipe,
            hashed_words,
            Bars(relevance=RELEVANCE),
            fitted=prior([*PARTS, *aspects_of(self._recipe)], HASHED_WORDS),
            judges=self._judges,
            shown=[seed.shown for seed in seeds if seed.shown],
            manner=Manner.of([seed.shown for seed in seeds], answers),
        )

    def _judgement(self, call: Call, verdict: Callable[[Call], bool]) -> Reply:
        """A judge's reply: its best level for yes and its worst for no; another step of a judge answers by types."""
        reply = typed(self.steps.signatures[call.step], str(call.inputs))
        if levels := self._levels.get(call.step):
            reply[[*reply][-1]] = (max if verdict(call) else min)(levels, key=levels.__getitem__)
        return reply


def plants() -> dict[str, Plant]:
    """The plants by the name of their recipe."""
    names = sorted(path.stem for path in Path(TESTS, "plants").glob("*.py"))
    found = {name.replace("_", "-"): importlib.import_module(f"plants.{name}").PLANT for name in names}
    assert found.keys() <= set(recipes())
    return found


def error_rate(agreement: float, good: float) -> float:
    """How often a judge errs, on good and bad rows alike, whose kappa (Cohen 1960) with the truth is this, where this
    share of the rows is good.

    With q = good (1 - good) and errors e, chance agreement is 1 - 2q - e (1 - 4q); solved for e."""
    q = good * (1 - good)
    return 2 * q * (1 - agreement) / (1 - (1 - 4 * q) * (1 - agreement))


def _kappa(verdicts: Sequence[tuple[bool, bool]]) -> float | None:
    if len({truth for _, truth in verdicts}) < 2:
        return None
    said, truth = np.array(verdicts).T
    return float(kappa(said, truth)(np.ones((1, len(verdicts))))[0])


def _is_rule(drop: Drop | None) -> bool:
    return drop is not None and not drop.step.startswith(JUDGED)


def _identity(index: int, row: Candidate) -> str:
    return digest(index, row.model_dump_json(exclude={"dropped"}))


def _fields(row: Candidate) -> set[tuple[str, str]]:
    """The fields that were filled, with their values as texts."""
    return {(name, str(value)) for name, value in row.model_dump(exclude={"dropped"}, exclude_unset=True).items()}


def _about(call: Call) -> str:
    return digest(call.step, *sorted(call.inputs.items()))


def _chance(*parts: object) -> float:
    """A number in [0, 1) by a hash of the parts."""
    return int(digest(*parts), 16) / 16**16
