"""The outcome of one source: the tries of the teachers, and their record in the journal."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from metrics.citation import Span
from metrics.worth import Worth
from optimize.scoring import Scored
from programs.core.row import Candidate, Source
from seedbed.models.call_context import Scope


class KeptRow(TypedDict):
    """A candidate, its worth and its citations (spans of the passage), each as JSON."""

    candidate: dict[str, Any]
    worth: dict[str, Any]
    cites: Sequence[Span]


class KeptTry(NamedTuple):
    """A try without its candidates: `rows` of these follow in `KeptOutcome.scored`."""

    teacher: str
    rows: int
    input_tokens: int
    output_tokens: int
    dollars: float | None
    stood_in: Sequence[str]


class KeptCall(NamedTuple):
    """A call: its key in the journal, its signature, and the place in `KeptOutcome.scored` of the candidate it was made
    for; None where it serves several."""

    key: str
    signature: str
    candidate: int | None = None  # outcomes of older versions have none


class KeptOutcome(TypedDict):
    """The record of an outcome in the journal. `tries` are lists in the order of `KeptTry`; `calls` are
    lists in the order of `KeptCall`; `scored` holds the candidates of all tries in their order."""

    tries: list[list[Any]]
    calls: list[list[Any]]
    scored: list[KeptRow]


@dataclasses.dataclass
class Try:
    """One teacher's candidates for a source, and their cost; `dollars` is None if a price is unknown. `stood_in` are
    the models that answered in place of the teacher or a judge."""

    teacher: str
    scored: list[Scored]
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = 0.0
    stood_in: Sequence[str] = ()

    @property
    def share(self) -> dict[str, Any]:
        """The cost of each of its candidates, and the fallback models used."""
        n = max(len(self.scored), 1)
        dollars = None if self.dollars is None else self.dollars / n
        tokens = {"input_tokens": self.input_tokens // n, "output_tokens": self.output_tokens // n}
        return {**tokens, "dollars": dollars, "stood_in": [*self.stood_in]}

    @property
    def record(self) -> list[Any]:
        """The values of a `KeptTry`."""
        tokens = self.input_tokens, self.output_tokens
        return [*KeptTry(self.teacher, len(self.scored), *tokens, self.dollars, self.stood_in)]


@dataclasses.dataclass
class Outcome:
    """The outcome of one source; `id` is its key in the journal. `failed`: a call failed, so a later invocation may
    succeed, and it is stored only once the dataset has all its rows. `paid`: whether it took a call of this
    invocation."""

    id: str
    tries: list[Try]
    failed: bool = False
    paid: bool = True

    @property
    def passed(self) -> int:
        """Candidates that the gate let through."""
        return sum(scored.accepted for attempt in self.tries for scored in attempt.scored)

    @classmethod
    def read(cls, id: str, source: Source, record: KeptOutcome, row_types: Mapping[str, type[Candidate]]) -> "Outcome":
        """The outcome from its record. `row_types`: by teacher, the class of its program's candidates."""
        rows = iter(record["scored"])
        tries = []
        for values in record["tries"]:
            kept_try = KeptTry(*values)
            scored = [_scored(source, next(rows), row_types[kept_try.teacher]) for _ in range(kept_try.rows)]
            tries.append(Try(kept_try.teacher, scored, *kept_try[2:]))
        return cls(id, tries)


def kept_calls(outcome: Outcome, scopes: Sequence[Scope]) -> list[list[Any]]:
    """The values of a `KeptCall` for each call of an outcome."""
    candidates = [scored.candidate for attempt in outcome.tries for scored in attempt.scored]
    places = {id(candidate): place for place, candidate in enumerate(candidates)}
    calls = [call for scope in scopes for call in scope.calls]
    return [[*KeptCall(call.key, call.signature, places.get(id(call.candidate)))] for call in calls]


def kept_row(scored: Scored, cites: Sequence[Span]) -> KeptRow:
    """The record of a scored candidate in the journal."""
    return KeptRow(
        candidate=scored.candidate.model_dump(mode="json"), worth=scored.worth.model_dump(mode="json"), cites=cites
    )


def _scored(source: Source, row: KeptRow, row_type: type[Candidate]) -> Scored:
    filled = row["candidate"].keys() - {"dropped"}  # a candidate without fields stands for one that was not made
    candidate = (row_type if filled else Candidate).model_validate(row["candidate"])
    return Scored(source, candidate, Worth.model_validate(row["worth"]))
