"""Judges: each asks the judge's model one thing about a candidate, and gives a verdict with its reason."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dspy
from dspy.utils.exceptions import AdapterParseError

from programs.core.background import together
from programs.core.recipe import Recipe
from programs.core.row import Candidate, Exchange
from programs.core.step import Step
from programs.core.text import blank_words, content_words, sentences
from programs.core.verdict import Verdict as Verdict
from programs.judges.rater import Rater, judging
from signatures.instructions.lab import ANY_TASK, JudgePair
from signatures.judges import (
    NONE,
    JudgeAdditive,
    JudgeAnswerability,
    JudgeClaim,
    JudgeCorrect,
    JudgeCuration,
    JudgePreference,
    JudgeQuestion,
    JudgeRelevance,
    JudgeRule,
    SplitClaims,
)

SHORT = 12  # words up to which an answer of one sentence is one claim
YES_NO = {"no": 0.0, "yes": 1.0}
ORDERS_DISAGREE = "orders disagree"  # why a pair is dropped of which the judge prefers another answer in each order


FAULTS: dict[str, frozenset[str]] = {
    "correct": frozenset({"overall", "answerable", "grounded", "relevant"}),
    **{aspect: frozenset({"overall", aspect}) for aspect in ("answerable", "grounded", "relevant", "question")},
}
"""Judge -> the aspects of the bad verdicts that it should have seen; a judge that is not listed should see all."""


class Judge(Rater):
    """One aspect of a candidate. `aspect` is its name in configs, labels and reports.

    `view` takes a row and returns the exchange that the judge looks at, or None if there is none; by default that is
    the row itself. A labelled case is such an exchange already. `negatives` names the rules of
    `metrics.calibration.negatives` that make a row bad for a recipe's own judge; for a shared judge all of them do.
    """

    def __init__(
        self,
        aspect: str,
        signature: type[dspy.Signature],
        levels: Mapping[Any, float] = YES_NO,
        view: Callable[[Any], Candidate | None] | None = None,
        negatives: Sequence[str] = (),
    ) -> None:
        super().__init__(signature, levels)
        self.aspect, self.view, self.negatives = aspect, view, tuple(negatives)

    @property
    def needs_document(self) -> bool:
        """Whether the judge can say nothing about a row without a document."""
        return "document" in self.judge.signature.input_fields

    def sees(self, candidate: Candidate) -> bool:
        """Whether the row has the parts that the judge reads: a prompt, and a document and a response if needed."""
        row = self.looks_at(candidate)
        if row is None:
            return False
        fields = self.judge.signature.input_fields.keys()
        lacks_response = bool({"answer", "claim", "response"} & fields) and not row.response
        return bool(row.prompt) and not lacks_response and not (self.needs_document and not row.document)

    def inputs(self, candidate: Any) -> dict[str, str]:
        """The judge's inputs for a row of any recipe; parts that the row lacks are called none."""
        row = self.looks_at(candidate) or candidate
        document = row.document or NONE
        values = {
            "document": document,
            "context": getattr(row, "context", None) or document,
            "task": getattr(row, "task", None) or ANY_TASK,
            **dict.fromkeys(("question", "prompt"), row.request),
            **dict.fromkeys(("answer", "response", "claim"), row.response),
        }
        return {name: values[name] for name in self.judge.signature.input_fields if name in values}

    def looks_at(self, candidate: Any) -> Any:
        """The exchange of a row that the judge looks at."""
        return candidate if self.view is None or isinstance(candidate, Exchange) else self.view(candidate)

    def example(self, candidate: Candidate, *, good: bool, reason: str) -> dspy.Example:
        """A row with a person's verdict, as a demo of this judge."""
        *reasons, decides = self.judge.signature.output_fields
        level = (max if good else min)(self.levels, key=self.levels.__getitem__)
        return dspy.Example(**self.inputs(candidate), **dict.fromkeys(reasons, reason), **{decides: level})

    async def aforward(self, candidate: Candidate) -> Verdict:
        """Never raises for an unreadable reply: its verdict is unscored, with the reply as the reason."""
        return await self.ask(**self.inputs(candidate))


class ClaimsJudge(Judge):
    """Groundedness: the share of an answer's claims that the document supports (FActScore, Min et al. 2023, section 3).

    The reason names the unsupported claims. A claim whose verdict cannot be read is left out of the share and counted
    in the reason. If no verdict can be read, the answer is unscored.
    """

    def __init__(self) -> None:
        super().__init__("grounded", JudgeClaim)
        self.split = Step(SplitClaims, "json")  # a list: the format whose shape an endpoint can enforce

    async def aforward(self, candidate: Candidate) -> Verdict:
        claims, inputs = await self._claims(candidate), self.inputs(candidate)
        verdicts = await together(self.ask(**inputs | {"claim": claim}) for claim in claims)
        scores = [verdict.score for verdict in verdicts if verdict.score is not None]
        if not scores:
            return verdicts[0]
        reason = f"not supported: {failing}" if (failing := _failing(claims, verdicts)) else _reasons(verdicts)
        unread = len(claims) - len(scores)
        note = f" ({unread} of {len(claims)} claims got no readable verdict)" if unread else ""
        return Verdict(score=sum(scores) / len(scores), reason=reason + note)

    async def _claims(self, candidate: Candidate) -> list[str]:
        """The claims, each once; the answer's sentences if the split is unreadable or off the answer."""
        answer = candidate.response
        pieces = sentences(answer)
        if len(pieces) <= 1 and blank_words(answer) <= SHORT:
            return [answer]
        try:
            with judging():
                claims = (await self.split.acall(question=candidate.request, answer=answer)).claims
        except AdapterParseError:
            return pieces
        answer_words = set(content_words(answer))
        return list(dict.fromkeys(claim for claim in claims if answer_words & set(content_words(claim)))) or pieces


class RulesJudge(Judge):
    """A list of rules, each judged in its own call; yes only if the row keeps all (WaveCoder's discriminator, Yu et al.
    2023, section 2.2.2). The score is the lowest score of a rule; the reason names the broken rules."""

    def __init__(self, rules: Sequence[str] = ()) -> None:
        super().__init__("rules", JudgeRule)
        self.rules = list(rules)

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """The judge's state and its rules."""
        return {**super().dump_state(json_mode=json_mode), "rules": list(self.rules)}

    def load_state(self, state: dict[str, Any], **kwargs: Any) -> None:
        super().load_state(state, **kwargs)
        self.rules = list(state["rules"])

    def inputs(self, candidate: Any) -> dict[str, str]:
        """All rules as one text, since a person's verdict is on the whole row."""
        return {**super().inputs(candidate), "rule": "\n".join(self.rules)}

    async def aforward(self, candidate: Candidate) -> Verdict:
        """Unscored if a rule's verdict cannot be read and no other rule is broken."""
        if not self.rules:
            return Verdict(score=None, reason="there are no rules to judge by")
        inputs = self.inputs(candidate)
        verdicts = await together(self.ask(**inputs | {"rule": rule}) for rule in self.rules)
        broken = _failing(self.rules, verdicts)
        unread = next((verdict for verdict in verdicts if verdict.score is None), None)
        if unread and not broken:
            return unread
        lowest = min(verdict.score for verdict in verdicts if verdict.score is not None)
        return Verdict(score=lowest, reason=f"broken: {broken}" if broken else _reasons(verdicts))


def _failing(texts: Sequence[str], verdicts: Sequence[Verdict]) -> str:
    """The claims or rules with the verdict no, each with its reason; empty if there are none."""
    pairs = zip(texts, verdicts, strict=True)
    return "; ".join(
        f'"{text}" ({verdict.reason})' for text, verdict in pairs if verdict.score is not None and verdict.score < 0.5
    )


def _reasons(verdicts: Sequence[Verdict]) -> str:
    return " ".join(verdict.reason for verdict in verdicts if verdict.score is not None)


class Pairwise(Rater):
    """Which of two responses is better. It is asked in both orders, because judges favour a place (position bias:
    MT-Bench, Zheng et al. 2023, sections 3.3 and 3.4). Orders that disagree make a tie."""

    def __init__(self, signature: type[dspy.Signature] = JudgePreference) -> None:
        super().__init__(signature, {"second": 0.0, "first": 1.0})

    async def aforward(self, prompt: str, a: str, b: str, document: str | None = None) -> Verdict:
        """1 if a is better, 0 if b is, 0.5 for a tie; unscored if the reply in either order cannot be read."""
        values = {"context": document or NONE, "prompt": prompt}
        inputs = {name: text for name, text in values.items() if name in self.judge.signature.input_fields}
        direct, swapped = await together((self.ask(**inputs, first=a, second=b), self.ask(**inputs, first=b, second=a)))
        if direct.score is None or swapped.score is None:
            return direct if direct.score is None else swapped
        forth, back = direct.score, 1 - swapped.score
        if (forth - 0.5) * (back - 0.5) <= 0:
            return Verdict(score=0.5, reason=f"the two orders disagree: {direct.reason} / {swapped.reason}")
        return Verdict(score=(forth + back) / 2, reason=direct.reason)


# LAB keeps a pair at 2 or better, so 2 must lie above one half.
PAIR = {1: 0.0, 2: 0.7, 3: 1.0}
CURATION = {grade: (grade - 1) / 4 for grade in range(1, 6)}  # Instruction Backtranslation, Li et al. 2023, section 2.2
ADDITIVE = {grade: grade / 5 for grade in range(6)}  # Self-Rewarding, Yuan et al. 2024, figure 2

JUDGES: dict[str, Callable[[], Judge]] = {
    "correct": lambda: Judge("correct", JudgeCorrect),
    "answerable": lambda: Judge("answerable", JudgeAnswerability),
    "grounded": ClaimsJudge,
    "relevant": lambda: Judge("relevant", JudgeRelevance),
    "question": lambda: Judge("question", JudgeQuestion),
    "pair": lambda: Judge("pair", JudgePair, PAIR),
    "curation": lambda: Judge("curation", JudgeCuration, CURATION),
    "additive": lambda: Judge("additive", JudgeAdditive, ADDITIVE),
    "rules": RulesJudge,
}


def judges_of(recipe: Recipe | None) -> dict[str, Callable[[], Judge]]:
    """Every judge that can judge a recipe's rows, by aspect: the shared ones and the recipe's own."""
    makers = [make for make in recipe.judges if not isinstance(make, str)] if recipe else []
    return {**JUDGES, **{make().aspect: make for make in makers}}


def aspects_of(recipe: Recipe) -> list[str]:
    """The aspects of the judges that a recipe names, in its order."""
    return [judge if isinstance(judge, str) else judge().aspect for judge in recipe.judges]
