"""Readings of labelled cases: evidence, judges' scores and scores from elsewhere, next to a person's verdict."""

from collections.abc import Callable, Collection, Sequence

from metrics.calibration.calibrate import Observation
from metrics.calibration.negatives import kind_of
from metrics.calibration.verdicts import LabelledCase, Preference
from metrics.evidence import PARTS, evidence
from metrics.likelihood import likelihood
from metrics.row import Entail
from programs.core.background import together
from programs.core.embedding import Embed
from programs.core.row import Candidate
from programs.core.text import words
from programs.core.tools import tools
from programs.judges.judge import Judge, Pairwise

Case = LabelledCase | Preference
PREFERENCE = "preference"


class Reader:
    """Takes readings of labelled cases.

    Args:
        judges: asked about rows. pairwise: asked about two answers to one prompt; None leaves preferences to evidence.
        writer: the alias that judges; a case that it wrote itself is its own. heard: called once per case.
        reads: ask the judge's model how likely each answer is; its endpoint must be able to tell.
        evidence: measure how well the document supports a row. english: rules of English words apply.
    No judge is asked about a line with `scores` of its own. A judge is not asked about rows that it cannot see.
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
        evidence: bool = True,
        english: bool = True,
    ) -> None:
        self.embed, self.entail, self.judges, self.pairwise = embed, entail, judges, pairwise
        self.writer, self.heard, self.reads, self.english = writer, heard, reads, english
        self.with_evidence = evidence

    @property
    def _embedder(self) -> str:
        return str(getattr(self.embed, "name", ""))

    async def observe(self, cases: Sequence[Case]) -> list[Observation]:
        """One observation per case, in the order of the cases."""
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
            seeing = [judge for judge in self.judges if judge.sees(case.row)]
            parts |= {judge.aspect: (await judge.acall(case.row)).score for judge in seeing}
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
        """The parts of `a` less those of `b`. A judge's score in [0, 1] is scaled to [-1, 1], so that 0 is a tie."""
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
        if not self.with_evidence:
            return {}
        findings = await evidence(row, self.embed, self.entail, english=self.english)
        return {name: finding.score for name, finding in findings.items()}


def judge_names(observations: Sequence[Observation]) -> Collection[str]:
    """The parts that judges give: all but the evidence measured here."""
    return {name for observation in observations for name in observation.parts} - PARTS


def overlap(answer: str, document: str) -> float:
    """The share of all words of the answer that the document has; 0 for an empty answer."""
    answer_words, document_words = words(answer), set(words(document))
    return sum(word in document_words for word in answer_words) / len(answer_words) if answer_words else 0.0
