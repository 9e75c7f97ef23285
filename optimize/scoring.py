"""Scoring steps and programs: what every comparison while compiling and evaluating rests on."""

import asyncio
import collections
import dataclasses
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import dspy
import numpy as np
from dspy.utils.exceptions import ContextWindowExceededError, LMInvalidRequestError, LMUnsupportedModelError

from metrics.metric import Metric
from metrics.worth import Worth
from programs.core.candidate import Candidate, Drop, Source
from programs.core.embedding import Embed
from programs.core.program import Program, together
from programs.core.tools import using
from programs.formats.replies import UNREAD

Heard = Callable[[], None]
Scoped = Callable[[str], AbstractContextManager[Any]]
"""Opens the context in which the calls of one candidate are made, given its id; yields what it spent."""


GLIMPSE = 200  # characters of a row or reply that is shown
NOTHING = Drop(step="program", reason="nothing written", detail="the program gave no candidate")


def silent() -> None:
    """The progress listener that does nothing."""


@dataclasses.dataclass(frozen=True)
class Scored:
    """One candidate with its worth; `spent` is what the scope of its calls counted."""

    source: Source
    candidate: Candidate
    worth: Worth
    spent: Any = None

    @property
    def accepted(self) -> bool:
        return self.worth.drop is None

    @property
    def glimpse(self) -> str:
        """What was written, on one line of at most GLIMPSE characters: the row, or the reply that could not be read."""
        drop, candidate = self.worth.drop, self.candidate
        unread = type(candidate) is Candidate or bool(drop and drop.reason in UNREAD)
        texts = [drop.detail if drop else ""] if unread else [candidate.topic, candidate.response]
        return " ".join(" / ".join(filter(None, texts)).split())[:GLIMPSE]


def commonest(rows: Sequence[Scored]) -> tuple[dict[str, int], str]:
    """How many rows fell by the reason, the commonest first; and what was written where that was first the reason."""
    fell = [(drop.reason, row) for row in rows if (drop := row.worth.drop)]
    reasons = dict(collections.Counter(reason for reason, _ in fell).most_common())
    most = next(iter(reasons), None)
    return reasons, next((row.glimpse for reason, row in fell if reason == most), "")


@dataclasses.dataclass(frozen=True)
class Reply:
    """What a step's reply to one example stands for: its rows with their worth; none where it cannot be read. `refused`
    is the server's refusal of the request, where that is why there is none."""

    rows: Sequence[tuple[Candidate, Worth]] = ()
    refused: LMInvalidRequestError | None = None

    @property
    def score(self) -> float:
        """The mean promise of its rows, in [0, 1]; 0 for none."""
        return _mean([worth.promise for _, worth in self.rows])

    @property
    def feedback(self) -> str:
        """What is wrong with it in a person's words, the worst row first."""
        worst = sorted((worth for _, worth in self.rows), key=lambda worth: worth.score)
        return " | ".join(dict.fromkeys(worth.feedback for worth in worst)) or "the reply could not be read"


async def score_step(
    program: Program,
    name: str,
    examples: Sequence[dspy.Example],
    metric: Metric,
    heard: Heard = silent,
    *,
    novelty: float = 0.0,
) -> list[float]:
    """What a step's reply to each example promises, in [0, 1]: its worth against the label where the recipe has it so,
    else that of its rows, with what follows the step in them.

    With `novelty` n in (0, 1], a row's score is taken times 1 - n * likeness, where likeness is the greatest cosine,
    in [0, 1], of its topic to the topics of the good rows before it, in the order of the examples: a step cannot win
    by one safe question asked again and again. With none a row counts for itself alone.

    Raises LMInvalidRequestError where the server refuses the request of every example.
    """

    async def one(example: dspy.Example) -> Reply:
        reply = await reply_to(program, name, example, metric)
        heard()
        return reply

    with using(trying=True):
        replies = await together(map(one, examples))
    if replies and (refused := replies[0].refused) and all(reply.refused for reply in replies):
        raise refused
    if not novelty:
        return [reply.score for reply in replies]
    good = [candidate.topic for reply in replies for candidate, worth in reply.rows if worth.score > 0]
    likeness = iter(await asyncio.to_thread(nearest_before, good, metric.embed) if good else [])

    def renewed(worth: Worth) -> float:
        return worth.score * (1 - novelty * next(likeness)) if worth.score > 0 else worth.promise

    return [_mean([renewed(worth) for _, worth in reply.rows]) for reply in replies]


def nearest_before(texts: Sequence[str], embed: Embed) -> list[float]:
    """Each text's greatest cosine to one before it, in [0, 1]; 0 for the first."""
    vectors = embed(texts)
    return [float(one) for one in np.clip(np.tril(vectors @ vectors.T, -1).max(axis=1), 0, 1)]


async def reply_to(program: Program, name: str, example: dspy.Example, metric: Metric) -> Reply:
    """Ask step `name` for one example. A prompt too long for the model, or refused by it, counts as a reply that cannot
    be read."""
    try:
        outputs = await program.ask(Candidate(), name, **dict(example.inputs()))
    except ContextWindowExceededError:
        return Reply()
    except LMInvalidRequestError as error:
        if isinstance(error, LMUnsupportedModelError):
            raise
        return Reply(refused=error)
    return Reply() if outputs is None else await read_reply(program, name, example, outputs, metric)


async def read_reply(
    program: Program, name: str, example: dspy.Example, outputs: dict[str, Any], metric: Metric
) -> Reply:
    """The candidates that one readable reply stands for, each with its worth."""
    decides = list(program.step(name).signature.output_fields)[-1]
    label = str(example[decides]) if name in metric.recipe.labelled else None
    inputs = dict(example.inputs())
    candidates, given = program.read(name, inputs, outputs), list(map(str, inputs.values()))
    return Reply([(one, await _weighed(program, name, one, metric, label, given)) for one in candidates])


async def _weighed(
    program: Program, name: str, candidate: Candidate, metric: Metric, label: str | None, given: Sequence[str]
) -> Worth:
    """Its worth; of a step without labels that with what follows it, asked for where nothing is against the row yet."""
    if label is None and not await metric.veto(candidate, given):
        try:
            await program.follow(name, candidate)
        except LMInvalidRequestError as error:
            candidate.dropped = _refusal(error)
    return await metric.weighed(candidate, label=label, given=given)


async def score_source(program: Program, source: Source, metric: Metric) -> list[Scored]:
    """What one source gives, through the full gate; the metric's veto looks on before more is paid.

    A source from which nothing came counts as one candidate of worth 0.
    """
    again = getattr(program, "answer_again", None)
    with using(veto=metric.veto):
        candidates = (await program.acall(**source.inputs)).candidates or [Candidate(dropped=NOTHING)]
        return [Scored(source, candidate, await metric.judged(candidate, again)) for candidate in candidates]


async def score_program(
    program: Program, sources: Sequence[Source], metric: Metric, scope: Scoped, heard: Heard = silent
) -> list[Scored]:
    """Run the program on each source and score every candidate as a run would, the full gate and all. What the server
    refuses to be asked is worth 0."""

    async def one(source: Source) -> list[Scored]:
        with scope(source.id) as spent, using(trying=True):
            try:
                scored = await score_source(program, source, metric)
            except LMInvalidRequestError as error:
                scored = [_refused(source, error)]
        heard()
        return [dataclasses.replace(row, spent=spent) for row in scored]

    return [scored for batch in await together(map(one, sources)) for scored in batch]


def _refused(source: Source, error: LMInvalidRequestError) -> Scored:
    drop = _refusal(error)
    return Scored(source, Candidate(dropped=drop), Worth(score=0, drop=drop))


def _refusal(error: LMInvalidRequestError) -> Drop:
    """What a refused request leaves. Raises the error where no request can pass."""
    if isinstance(error, LMUnsupportedModelError):
        raise error
    return Drop(step="teacher", reason="request refused", detail=str(error).splitlines()[0])


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else 0.0
