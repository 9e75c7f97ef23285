"""The answers of a finished run by prompt: those of its rows, and those of its rejected candidates."""

import collections
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from programs.core.kinds import Chat
from programs.core.row import Message
from programs.core.text import plain, words
from seedbed.project.project import Project
from seedbed.runs.dedup.contamination import CONTAMINATION, Contamination
from seedbed.runs.rows import candidate_of
from seedbed.sources.run_rows import RunRows
from seedbed.storage.run_reader import shards_of


@dataclasses.dataclass(frozen=True)
class Answer:
    """An answer to a prompt.

    Attributes:
        candidate: the exchange, of which there is one. score: by the metric of the run, in [0, 1]. scores: its parts.
        accepted: the run accepted it, or the gate a sampled one. refused: the gate rejected it. Neither: the gate
        accepted it, and the run refused it beside other rows, as a duplicate.
        row: the id of its row or rejected candidate; of a sampled answer, the row it was sampled for.
        lineage: of that row. split: of that row.
    """

    candidate: Chat
    score: float
    scores: Sequence[Mapping[str, Any]]
    accepted: bool
    refused: bool
    row: str
    lineage: Mapping[str, Any]
    split: str = "train"
    sampled: bool = False

    @property
    def prompt(self) -> str:
        """The message that a student answers."""
        return self.candidate.messages()[0].content

    @property
    def text(self) -> str:
        return self.candidate.messages()[1].content

    @property
    def words(self) -> list[str]:
        """What distinguishes it from other answers: case and punctuation do not count."""
        return words(self.text)

    @property
    def writer(self) -> str:
        """The alias of the model that wrote it."""
        return [*self.candidate.writers, str(self.lineage["teacher"])][0]


def answers_by_prompt(folder: Path, project: Project) -> list[list[Answer]]:
    """For each prompt with an accepted row, its answers, in the order of the run. Prompts that look the same are one.

    Left out are rows that a person called bad (the files of verdicts are those of `RunRows`), answers that give a test
    set away, and conversations of more than one exchange. The test sets are those of the project now: the run looked
    for them only where no other gate had rejected a candidate. Raises UserError if there is no row.
    """
    contamination = Contamination(project.config.gates.test_sets, project.base)
    prompts = collections.defaultdict[str, list[Answer]](list)
    for answer in [*_accepted(folder, project.base), *_rejected(folder)]:
        if _is_exchange(answer.candidate) and not contamination.refusal(answer.candidate):
            prompts[plain(answer.prompt).strip()].append(answer)
    return [answers for answers in prompts.values() if any(answer.accepted for answer in answers)]


def _accepted(folder: Path, base: Path) -> Iterator[Answer]:
    rows = RunRows(folder, base)
    for shard in shards_of(folder, "rows"):
        for row in shard.rows():
            if not rows.is_refused(row):
                yield _answer(row, accepted=True, refused=False, split=shard.split)


def _rejected(folder: Path) -> Iterator[Answer]:
    """A candidate that the gate rejected has the score 0, or one below the threshold."""
    for shard in shards_of(folder, "rejected"):
        for row in shard.rows():
            if row["step"] != CONTAMINATION:
                yield _answer(row, accepted=False, refused=not row["score"] or row["step"] == "threshold")


def _answer(row: Mapping[str, Any], *, accepted: bool, refused: bool, split: str = "train") -> Answer:
    candidate: Any = candidate_of(row, accepted=accepted)
    return Answer(candidate, row["score"], row["scores"], accepted, refused, row["id"], row["lineage"], split)


def _is_exchange(candidate: Chat) -> bool:
    """Whether it is one message of a user and the answer to it."""
    messages: list[Message] = candidate.messages()
    return [message.role for message in messages] == ["user", "assistant"] and bool(messages[1].content.strip())
