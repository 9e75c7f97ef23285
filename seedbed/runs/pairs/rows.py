"""Pairs as rows of a dataset, each with the lineage of its chosen answer; and the shards they go to."""

from pathlib import Path
from typing import Any

from metrics.worth import Worth
from optimize.scoring import Scored
from programs.core.kinds import Preference
from programs.core.row import Drop, Source, digest
from seedbed.project.session import Session
from seedbed.runs.outcome import KeptCall, KeptOutcome, kept_row
from seedbed.runs.pairs.job import Tried
from seedbed.runs.pairs.pairing import Pair
from seedbed.runs.rows import PAIRS, rejected, row
from seedbed.storage.row_schema import REJECTED, row_schema
from seedbed.storage.shards.run_shards import RunShards

JUDGE = "preference"  # the part of a score that is the judge's, and the step that rejects a pair
_CARRIED = ("teacher", "program", "seeds")


class PairRows:
    """Writes pairs: those that stand as rows, and those that the judge drops as rejected candidates.

    Attributes:
        content: a digest of the columns and of the rows, in order. shards: of both.
    """

    def __init__(self, session: Session, out: Path, setup: str) -> None:
        self._session, self._setup = session, setup
        columns = row_schema(Preference)
        self.content, self.shards = digest(columns), RunShards(out, None, columns, REJECTED, session.owner)
        models = session.project.config.models
        self._licences = {alias: entry.licence for alias, entry in models.items() if entry.licence}

    async def add(self, tried: Tried) -> dict[str, Any] | None:
        """Write what came of a prompt, and record its calls; returns the row, or None."""
        if tried.pair is None:
            return None
        scored, shared = _scored(tried.pair, tried), self._shared(tried.pair, tried)
        await self._record(scored, tried)
        if scored.worth.drop:
            id = digest(PAIRS, shared["attempt"])
            await self.shards.reject(rejected(id, scored, shared, self._licences))
            return None
        accepted = row(scored, shared, self._licences)
        await self.shards.accept(accepted, tried.pair.chosen.split)
        self.content = digest(self.content, accepted["id"])
        return accepted

    def _shared(self, pair: Pair, tried: Tried) -> dict[str, Any]:
        lineage, tokens = pair.chosen.lineage, tried.scope.tokens()
        return {
            **{name: lineage[name] for name in _CARRIED},
            "position": lineage.get("position"),  # a run of an older version did not record it
            "recipe": PAIRS,
            "judges": [*lineage["judges"], *([JUDGE] if tried.verdict else [])],
            "stood_in": list(dict.fromkeys([*lineage["stood_in"], *sorted(tried.scope.stood_in)])),
            "attempt": tried.scope.id,
            "index": 0,
            **dict(zip(("input_tokens", "output_tokens"), tokens, strict=True)),
            "dollars": self._session.cost(tried.scope.tallies),
        }

    async def _record(self, scored: Scored, tried: Tried) -> None:
        """Store which calls were made for the pair, so that it can be explained."""
        calls = [[*KeptCall(call.key, call.signature)] for call in tried.scope.calls]
        outcome = KeptOutcome(tries=[], calls=calls, scored=[kept_row(scored, [])])
        await self._session.journal.record(self._setup, tried.scope.id, outcome)


def _scored(pair: Pair, tried: Tried) -> Scored:
    """The pair as a candidate with the score of its chosen answer, and the judge's verdict as one more part."""
    chosen, verdict = pair.chosen, tried.verdict
    parts = {part["part"]: part["score"] for part in chosen.scores}
    reasons = {part["part"]: part["reason"] for part in chosen.scores if part["reason"]}
    probability = verdict.score if verdict else None
    if verdict and probability is not None:
        parts[JUDGE], reasons[JUDGE] = probability, verdict.reason
    drop = Drop(step=JUDGE, reason=tried.refusal, detail=verdict.reason) if verdict and tried.refusal else None
    fitted = chosen.lineage.get("probability")
    worth = Worth(score=chosen.score, probability=fitted, parts=parts, reasons=reasons, drop=drop)
    return Scored(_source(pair), _preference(pair, probability), worth)


def _preference(pair: Pair, probability: float | None) -> Preference:
    return Preference(
        instruction=pair.chosen.prompt,
        chosen_answer=pair.chosen.text,
        rejected_answer=pair.rejected.text,
        score_chosen=pair.chosen.score,
        score_rejected=pair.rejected.score,
        probability=probability,
        models=[pair.chosen.writer, pair.rejected.writer],
    )


def _source(pair: Pair) -> Source:
    lineage = pair.chosen.lineage
    origin = {"spans": lineage["spans"], "parents": [pair.chosen.row]}
    draw = lineage.get("draw") or 0
    return Source(id=lineage["source"], group=lineage["group"], inputs={}, origin=origin, draw=draw)
