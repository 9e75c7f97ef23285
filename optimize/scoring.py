"""Scores steps and programs, for every comparison in compiling and evaluating."""

import asyncio
import collections
import dataclasses
import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import dspy
import numpy as np
from dspy.utils.exceptions import ContextWindowExceededError, LMInvalidRequestError, LMUnsupportedModelError

from metrics.metric import Metric
from metrics.worth import Worth
from programs.core.background import together
from programs.core.embedding import Embed
from programs.core.program import Program
from programs.core.row import Candidate, Drop, Source
from programs.core.tools import using
from programs.formats.replies import UNREAD

OnScore = Callable[[], None]
Scoped = Callable[[str], AbstractContextManager[Any]]
"""Opens the context for the calls of one candidate, given its id; yields the counter of its spending."""


GLIMPSE = 200  # characters of a row or reply in a message
NO_CANDIDATE = Drop(step="program", reason="nothing written", detail="the program gave no candidate")


def silent() -> None:
    """Do nothing when a reply is scored."""


@dataclasses.dataclass(frozen=True)
class Scored:
    """One candidate with its worth; `spent` is the counter of its calls."""

    source: Source
    candidate: Candidate
    worth: Worth
    spent: Any = None

    @property
    def accepted(self) -> bool:
        return self.worth.drop is None

    @property
    def glimpse(self) -> str:
        """One line of at most GLIMPSE characters: the row, or the reply that could not be read."""
        drop, candidate = self.worth.drop, self.candidate
        unread = type(candidate) is Candidate or bool(drop and drop.reason in UNREAD)
        texts = [drop.detail if drop else ""] if unread else [candidate.request, candidate.response]
        return " ".join(" / ".join(filter(None, texts)).split())[:GLIMPSE]


def commonest(rows: Sequence[Scored]) -> tuple[dict[str, int], str]:
    """The number of rejected rows by reason, the commonest first, and the glimpse of the first row with that one."""
    rejections = [(drop.reason, row) for row in rows if (drop := row.worth.drop)]
    reasons = dict(collections.Counter(reason for reason, _ in rejections).most_common())
    commonest_reason = next(iter(reasons), None)
    return reasons, next((row.glimpse for reason, row in rejections if reason == commonest_reason), "")


@dataclasses.dataclass(frozen=True)
class Reply:
    """The candidates in a step's reply to one example, with their worth; empty if the reply cannot be read. `refused`
    is the error if the server refused the request."""

    rows: Sequence[tuple[Candidate, Worth]] = ()
    refused: LMInvalidRequestError | None = None

    @property
    def score(self) -> float:
        """The mean promise of its rows, in [0, 1]; 0 for none."""
        return _mean([worth.promise for _, worth in self.rows])

    @property
    def feedback(self) -> str:
        """What is wrong with the rows, in words, the worst row first."""
        worst = sorted((worth for _, worth in self.rows), key=lambda worth: worth.score)
        return " | ".join(dict.fromkeys(worth.feedback for worth in worst)) or "the reply could not be read"


async def score_step(
    program: Program,
    name: str,
    examples: Sequence[dspy.Example],
    metric: Metric,
    on_score: OnScore = silent,
    *,
    novelty: float = 0.0,
) -> list[float]:
    """The score of a step's reply to each example, in [0, 1]. For a labelled step, replies are compared with the label;
    for others the rows are scored after the steps that follow.

    With `novelty` n in (0, 1], a row's score is multiplied by 1 - n * likeness. Likeness is the greatest cosine, in
    [0, 1], of its topic to the topics of the good rows before it, in the order of the examples: so a step cannot win
    with one safe question for everything. With n = 0 a row is scored alone.

    Raises LMInvalidRequestError if the server refuses the request of every example.
    """

    async def scored_reply(example: dspy.Example) -> Reply:
        reply = await reply_to(program, name, example, metric)
        on_score()
        return reply

    with using(trying=True):
        replies = await together(map(scored_reply, examples))
    if replies and (refusal := replies[0].refused) and all(reply.refused for reply in replies):
        raise refusal
    if not novelty:
        return [reply.score for reply in replies]
    good = [candidate.novelty_key for reply in replies for candidate, worth in reply.rows if worth.score > 0]
    likeness = iter(await asyncio.to_thread(nearest_before, good, metric.embed) if good else [])

    def renewed(worth: Worth) -> float:
        return worth.score * (1 - novelty * next(likeness)) if worth.score > 0 else worth.promise

    return [_mean([renewed(worth) for _, worth in reply.rows]) for reply in replies]


def nearest_before(texts: Sequence[str], embed: Embed) -> list[float]:
    """Each text's greatest cosine to one before it, in [0, 1]; 0 for the first."""
    vectors = embed(texts)
    return [float(cosine) for cosine in np.clip(np.tril(vectors @ vectors.T, -1).max(axis=1), 0, 1)]


async def reply_to(program: Program, name: str, example: dspy.Example, metric: Metric) -> Reply:
    """Ask step `name` for one example. A prompt that is too long or refused counts as an unreadable reply."""
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
    """The candidates in one readable reply, each with its worth."""
    inputs = dict(example.inputs())
    candidates = program.read(name, inputs, outputs)
    if name in metric.recipe.labelled:
        worth = await _compared(program, name, outputs, example, metric)
        return Reply([(candidate, _unless_dropped(candidate, worth)) for candidate in candidates])
    given = list(map(str, inputs.values()))
    return Reply([(candidate, await _weighed(program, name, candidate, metric, given)) for candidate in candidates])


async def _compared(
    program: Program, name: str, outputs: dict[str, Any], example: dspy.Example, metric: Metric
) -> Worth:
    """The worth of a labelled step's reply: of its last output field, beside the label's field of that name."""
    *_, decides = program.step(name).signature.output_fields.items()
    field, info = decides
    return await metric.compared(name, outputs[field], example[field], info.annotation)


def _unless_dropped(candidate: Candidate, worth: Worth) -> Worth:
    drop = candidate.dropped
    return Worth(score=0.0, parts={"label": 0.0}, drop=drop) if drop else worth


async def _weighed(program: Program, name: str, candidate: Candidate, metric: Metric, given: Sequence[str]) -> Worth:
    """The worth of a candidate. The steps that follow are asked first, unless it is rejected already."""
    if not await metric.veto(candidate, given):
        try:
            with using(judge_row=metric.verdict):
                await program.follow(name, candidate)
        except LMInvalidRequestError as error:
            candidate.dropped = _refusal(error)
    return await metric.weighed(candidate, given=given)


async def score_source(program: Program, source: Source, metric: Metric) -> list[Scored]:
    """The candidates of one source, scored by the full gate. The metric's veto rejects early, before more is paid.

    A source without a candidate counts as one candidate of worth 0.
    """
    with using(veto=metric.veto, judge_row=metric.verdict):
        candidates = (await program.acall(**source.inputs)).candidates or [Candidate(dropped=NO_CANDIDATE)]
        return [Scored(source, candidate, await full_worth(program, candidate, metric)) for candidate in candidates]


async def full_worth(program: Program, candidate: Candidate, metric: Metric) -> Worth:
    """The worth of a finished candidate by the full gate, with the round trip of its recipe."""
    round_trip = metric.recipe.round_trip
    again = functools.partial(program.again, round_trip) if round_trip else None
    with using(candidate=candidate, veto=metric.veto, judge_row=metric.verdict):
        return await metric.judged(candidate, again)


async def score_program(
    program: Program, sources: Sequence[Source], metric: Metric, scope: Scoped, on_score: OnScore = silent
) -> list[Scored]:
    """Run the program on each source and score every candidate as a run would, with the full gate. A request that the
    server refuses counts as one candidate of worth 0."""

    async def scored_source(source: Source) -> list[Scored]:
        with scope(source.id) as spent, using(trying=True):
            try:
                scored = await score_source(program, source, metric)
            except LMInvalidRequestError as error:
                scored = [_refused(source, error)]
        on_score()
        return [dataclasses.replace(row, spent=spent) for row in scored]

    return [scored for batch in await together(map(scored_source, sources)) for scored in batch]


def _refused(source: Source, error: LMInvalidRequestError) -> Scored:
    drop = _refusal(error)
    return Scored(source, Candidate(dropped=drop), Worth(score=0, drop=drop))


def _refusal(error: LMInvalidRequestError) -> Drop:
    """The rejection for a refused request. Raises the error if no request can succeed."""
    if isinstance(error, LMUnsupportedModelError):
        raise error
    return Drop(step="teacher", reason="request refused", detail=str(error).splitlines()[0])


def _mean(scores: Sequence[float]) -> float:
    return sum(scores) / len(scores) if scores else 0.0
