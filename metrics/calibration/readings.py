"""Readings of labelled cases: what evidence, judges and scores taken elsewhere say, beside what a person says."""

from collections.abc import Callable, Collection, Sequence

from metrics.calibration.calibrate import Observation
from metrics.calibration.negatives import kind_of
from metrics.calibration.verdicts import LabelledCase, Preference
from metrics.evidence import PARTS, evidence
from metrics.likelihood import likelihood
from metrics.row import Entail
from programs.core.candidate import Candidate
from programs.core.embedding import Embed
from programs.core.program import together
from programs.core.text import words
from programs.core.tools import tools
from programs.judges.judge import Judge, Pairwise

Case = LabelledCase | Preference
PREFERENCE = "preference"


class Reader:
    """Takes readings of labelled cases.

    Args:
        judges: asked about rows. pairwise: asked about two answers to one prompt; None leaves preferences to evidence.
        writer: the alias that judges; a case that it wrote itself is its own. heard: called once a case.
        reads: the judge's model is asked how likely each answer is, which its endpoint must be able to tell.
        english: rules of English words hold.
    A line with `scores` of its own is not put to a judge, nor is one to a judge that cannot see what it judges.
    """

    def __init__(
        self,
        embed: Embed,
        *,
        judges: Sequence[Judge] = (),
        pairwise: Pairwise | None = None,
        entail: Entail | None = None,
        writer: str = "",
        heard: Callable[[], None] = lambda: None,
        reads: bool = False,
        english: bool = True,
    ) -> None:
        self.embed, self.entail, self.judges, self.pairwise = embed, entail, judges, pairwise
        self.writer, self.heard, self.reads, self.english = writer, heard, reads, english

    @property
    def _embedder(self) -> str:
        return str(getattr(self.embed, "name", ""))

    async def observe(self, cases: Sequence[Case]) -> list[Observation]:
        """One observation a case, in their order."""
        return await together(map(self._one, cases))

    async def _one(self, case: Case) -> Observation:
        observation = await (self._row(case) if isinstance(case, LabelledCase) else self._pair(case))
        self.heard()
        return observation

    async def _row(self, case: LabelledCase) -> Observation:
        parts = dict[str, float | None](await self._evidence(case.row)) | case.scores
        if self.reads and not case.scores:
            parts |= await likelihood(case.row, tools().judge_lm)
        if not case.scores:
            asked = [judge for judge in self.judges if judge.sees(case.row)]
            parts |= {judge.aspect: (await judge.acall(case.row)).score for judge in asked}
        return Observation(
            parts=parts,
            label=case.label,
            group=case.unit,
            length=-len(case.answer),
            overlap=overlap(case.answer, case.document or case.question or ""),
            kind=case.made,
            own=bool(case.teacher) and case.teacher == self.writer,
            aspect=case.aspect,
            id=case.id,
            rule=kind_of(case),
            embedder=self._embedder,
        )

    async def _pair(self, case: Preference) -> Observation:
        """The parts of `a` less those of `b`; a judge's 0 to 1 becomes -1 to 1, so that 0 is a tie."""
        a, b = [await self._evidence(row) for row in case.rows]
        parts: dict[str, float | None] = {name: a[name] - b[name] for name in a.keys() & b.keys()}
        readings: dict[str, float | None] = dict(case.scores)
        if not readings and self.pairwise:
            verdict = await self.pairwise.acall(prompt=case.prompt, a=case.a, b=case.b, document=case.document)
            readings = {PREFERENCE: verdict.score}
        parts |= {name: None if score is None else 2 * score - 1 for name, score in readings.items()}
        text = case.document or case.prompt
        return Observation(
            parts=parts,
            label=float(case.label == 1),
            group=case.unit,
            length=len(case.b) - len(case.a),
            overlap=overlap(case.a, text) - overlap(case.b, text),
            kind=case.made,
            own=bool(case.teacher) and case.teacher == self.writer,
            embedder=self._embedder,
        )

    async def _evidence(self, row: Candidate) -> dict[str, float]:
        found = await evidence(row, self.embed, self.entail, english=self.english)
        return {name: finding.score for name, finding in found.items()}


def judge_names(observations: Sequence[Observation]) -> Collection[str]:
    """The parts that are a judge's: all that are no evidence of ours."""
    return {name for one in observations for name in one.parts} - PARTS


def overlap(answer: str, document: str) -> float:
    """The share of the answer's words, all of them, that the document holds; 0 for an empty answer."""
    said, there = words(answer), set(words(document))
    return sum(word in there for word in said) / len(said) if said else 0.0
