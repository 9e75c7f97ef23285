"""What became of one source: the tries of the teachers, and the record of them that the journal keeps."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypedDict

from metrics.citation import Span
from metrics.worth import Worth
from optimize.scoring import Scored
from programs.core.candidate import Candidate, Source


class KeptRow(TypedDict):
    """A candidate, its worth and its citations (spans of the passage), each as JSON has it."""

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


class KeptOutcome(TypedDict):
    """An outcome as the journal keeps it. `tries` are lists in the order of `KeptTry`; `calls` are the journal's key of
    each call and the signature that was asked; `scored` holds the candidates of all tries in their order."""

    tries: list[list[Any]]
    calls: list[tuple[str, str]]
    scored: list[KeptRow]


@dataclasses.dataclass
class Try:
    """What one teacher made of a source, and what that took; `dollars` is None where a price is unknown. `stood_in`
    are the models that answered where the teacher or a judge failed."""

    teacher: str
    scored: list[Scored]
    input_tokens: int = 0
    output_tokens: int = 0
    dollars: float | None = 0.0
    stood_in: Sequence[str] = ()

    @property
    def share(self) -> dict[str, Any]:
        """What each of its candidates took, and of whom."""
        n = max(len(self.scored), 1)
        dollars = None if self.dollars is None else self.dollars / n
        tokens = {"input_tokens": self.input_tokens // n, "output_tokens": self.output_tokens // n}
        return {**tokens, "dollars": dollars, "stood_in": [*self.stood_in]}

    @property
    def kept(self) -> list[Any]:
        """The values of a `KeptTry`."""
        tokens = self.input_tokens, self.output_tokens
        return [*KeptTry(self.teacher, len(self.scored), *tokens, self.dollars, self.stood_in)]


@dataclasses.dataclass
class Outcome:
    """What became of one source, by its id in the journal. `failed` where a call did not come through: a later
    invocation may do better, so it is kept only once the dataset has all its rows. `paid`: whether it took a call of
    this invocation."""

    id: str
    tries: list[Try]
    failed: bool = False
    paid: bool = True

    @property
    def passed(self) -> int:
        """Candidates that the gate let through."""
        return sum(scored.accepted for attempt in self.tries for scored in attempt.scored)

    @classmethod
    def read(cls, id: str, source: Source, kept: KeptOutcome, kinds: Mapping[str, type[Candidate]]) -> "Outcome":
        """The outcome that was kept so. `kinds`: the kind of candidate that each teacher's program makes."""
        rows = iter(kept["scored"])
        tries = []
        for values in kept["tries"]:
            told = KeptTry(*values)
            scored = [_scored(source, next(rows), kinds[told.teacher]) for _ in range(told.rows)]
            tries.append(Try(told.teacher, scored, *told[2:]))
        return cls(id, tries)


def kept_row(scored: Scored, cites: Sequence[Span]) -> KeptRow:
    """A scored candidate as the journal keeps it."""
    return KeptRow(
        candidate=scored.candidate.model_dump(mode="json"), worth=scored.worth.model_dump(mode="json"), cites=cites
    )


def _scored(source: Source, row: KeptRow, kind: type[Candidate]) -> Scored:
    filled = row["candidate"].keys() - {"dropped"}  # a candidate of no kind stands for what was not made
    candidate = (kind if filled else Candidate).model_validate(row["candidate"])
    return Scored(source, candidate, Worth.model_validate(row["worth"]))
