"""Other answers to the prompt of a row: the step that answered is asked again, sampled, and the gate scores them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import dspy

from metrics.metric import Metric
from optimize.scoring import full_worth
from programs.core.kinds import Chat
from programs.core.text import words
from seedbed.compiling.teacher_program import TeacherProgram
from seedbed.project.session import Session
from seedbed.runs.dedup.contamination import Contamination
from seedbed.runs.pairs.answers import Answer
from seedbed.runs.rows import scores


class Sampler:
    """Asks the program of a run for more answers.

    Args:
        session: open. cascade: the run's teachers with their programs. metric: the run's. step: the step that answers.
        n: answers for each row.
    """

    def __init__(self, session: Session, cascade: Sequence[TeacherProgram], metric: Metric, step: str, n: int) -> None:
        self._session, self._metric, self._step, self._n = session, metric, step, n
        self._members = {member.teacher: member for member in cascade}
        self._contamination = Contamination(session.project.config.gates.test_sets, session.project.base)

    async def answers(self, row: Answer) -> list[Answer]:
        """At most n other answers to the row's prompt, by the row's teacher, each with its score. Answers that repeat
        the row's or each other, that give a test set away or cannot be read are left out."""
        member, fallback = self._members[row.lineage["teacher"]], self._session.project.config.fallback.teacher
        with dspy.context(lm=self._session.models.lm(member.teacher, fallback)):
            candidates: list[Any] = await member.program.resample(self._step, row.candidate, self._n)
            return [await self._scored(member, row, candidate) for candidate in self._new(row, candidates)]

    def _new(self, row: Answer, candidates: Sequence[Chat]) -> list[Chat]:
        distinct = {tuple(words(candidate.response)): candidate for candidate in candidates}
        distinct.pop(tuple(row.words), None)
        clean = (candidate for candidate in distinct.values() if not self._contamination.refusal(candidate))
        return [candidate for candidate in clean if candidate.response.strip()]

    async def _scored(self, member: TeacherProgram, row: Answer, candidate: Chat) -> Answer:
        worth = await full_worth(member.program, candidate, self._metric)
        refused = worth.drop is not None
        return replace(
            row,
            candidate=candidate,
            score=worth.score,
            scores=scores(worth),
            accepted=not refused,
            refused=refused,
            sampled=True,
        )
