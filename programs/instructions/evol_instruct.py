"""evol-instruct: prompts made harder in rounds, and their answers (WizardLM, Xu et al. 2023; WizardCoder, 2023)."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import dspy
from pydantic import Field

from programs.core.kinds import Chat
from programs.core.language import is_english
from programs.core.options import at_least
from programs.core.program import Program
from programs.core.recipe import Recipe, Seed
from programs.core.requests import asks
from programs.core.rounds import RoundOptions, Rounds
from programs.core.row import Candidate, Drop, Exchange
from programs.core.step import Step
from programs.core.text import blank_words, content_words, copied_run, copied_share, words
from programs.judges.judge import Judge
from signatures.instructions.evol_instruct import (
    BREADTH,
    CODE,
    TEXT,
    AnswerPrompt,
    CreatePrompt,
    EvolvePrompt,
    JudgeHarder,
)
from signatures.judges import YesNo
from signatures.variants import wordings

Domain = Literal["text", "code"]
OPERATORS: Mapping[Domain, Mapping[str, str]] = {"text": TEXT, "code": CODE}
SELDOM = {"tighter limits": 0.1}  # the weight of an operator that WizardCoder wants seldom; the others have 1
REPEATED = 6  # words of the teacher's instructions in a row, which no prompt has by chance (ours)
SHORT = 80  # words: a shorter answer with "sorry" in it is a refusal (WizardLM, section 3.2)
_LEAKED = re.compile(
    r"\b(?:given|rewritten|created) prompt\b|^(?:rewritten|created|(?:new )?prompt)\s*:", re.IGNORECASE
)


class EvolOptions(RoundOptions):
    """The options of evol-instruct."""

    domain: Domain = "text"
    """WizardLM's operators (section 3.2), or WizardCoder's for programming problems (its section 3.1)."""
    breadth: float = Field(1.0, ge=0)
    """How often breadth is chosen, where each other operator has 1 (all are alike in section 4.2)."""
    fewest_added: int = Field(1, ge=0)
    """The words that a deeper prompt has more than its parent, at least (ours; section 3.2 asks for 10)."""
    most_added: Annotated[int, at_least("fewest_added")] = Field(40, ge=1)
    """The words that any evolved prompt has more than its parent, at most (ours; section 3.2 asks for 20)."""
    max_words: int = Field(300, ge=1)
    """The words of a prompt, at most, because prompts grow with each round (ours)."""

    @property
    def weights(self) -> dict[str, float]:
        return {
            operator: self.breadth if operator == BREADTH else SELDOM.get(operator, 1.0)
            for operator in OPERATORS[self.domain]
        }


class EvolSeed(Seed):
    """A prompt with a rewrite by one operator, good or bad."""

    prompt: str = Field(min_length=1)
    how: str = Field(min_length=1, description="the operator, such as deepen or breadth")
    rewritten: str = Field(min_length=1)
    harder: YesNo = Field(description="whether the rewrite asks for more and can be answered")

    @property
    def row(self) -> "Evolved | None":
        if self.harder == "no":
            return None
        return Evolved(instruction=self.rewritten, parent=self.prompt, operator=self.how)


class Evolved(Chat, prompt="instruction", response="answer"):
    """An evolved prompt and its answer. `parent` is the prompt from which it was made, in round `round`; `ancestors`
    are the prompts from which the parent was made, the oldest first."""

    instruction: str = ""
    answer: str = ""
    parent: str = ""
    ancestors: list[str] = Field(default_factory=list)
    operator: str = ""
    round: int = 1
    domain: Domain = "text"

    @property
    def given(self) -> list[str]:
        return [*self.ancestors, self.parent]


class Harder(Judge):
    """Whether an evolved prompt asks for more than its parent, and can be answered: WizardLM's eliminator (section
    3.2). Its cases have the old prompt as their question and the new one as their answer."""

    def __init__(self) -> None:
        super().__init__("harder", JudgeHarder, view=evolution, negatives=["another text"])

    def inputs(self, candidate: Any) -> dict[str, str]:
        exchange = self.looks_at(candidate) or candidate
        return {"old": exchange.prompt, "new": exchange.response}


def evolution(row: Evolved) -> Exchange | None:
    """The old prompt and the new one; None while one of them is missing."""
    return Exchange(asked=row.parent, said=row.instruction) if row.parent and row.instruction else None


class EvolInstruct(Program):
    """prompt -> a prompt that is harder, or of the same field -> its answer, if the judge finds the new prompt harder.

    The prompt alone is what the teacher reads when it answers, as in the paper.
    """

    row = Evolved
    options: EvolOptions = EvolOptions()

    def __init__(self, options: EvolOptions | None = None) -> None:
        super().__init__(options)
        self.evolve, self.branch = Step(EvolvePrompt), Step(CreatePrompt)
        self.answer = Step(AnswerPrompt, "bare")

    async def aforward(
        self, prompt: str = "", operator: str = "constraint", round: int = 1, ancestors: Sequence[str] = ()
    ) -> dspy.Prediction:
        origin = {"parent": prompt, "ancestors": [*ancestors], "operator": operator, "round": round}
        row = Evolved(**origin, domain=self.options.domain)
        if await self._evolve(row):
            await self.fill(row, "answer", prompt=row.instruction)
        return dspy.Prediction(candidates=[row])

    async def _evolve(self, row: Evolved) -> bool:
        """Write the new prompt. Returns False if it is eliminated, before its answer is paid. The run's gate asks for
        the same verdict again, and no call is made twice."""
        how = {} if row.operator == BREADTH else {"how": OPERATORS[row.domain][row.operator]}
        outputs = await self.ask(row, "evolve" if how else "branch", prompt=row.parent, **how)
        if outputs is None or not await self.settle(row, instruction=_alone(*outputs.values())):
            return False
        row.dropped = wrong_length(row, self.options)
        if not row.dropped and ((verdict := await self.judge("harder", row)).score or 0.0) < 0.5:
            row.dropped = Drop(step="judge harder", reason="judge harder", detail=verdict.reason)
        return row.dropped is None

    def read(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> list[Candidate]:
        if name == "answer":
            return [Evolved(instruction=inputs["prompt"], answer=outputs["answer"])]
        names = {how: operator for operators in OPERATORS.values() for operator, how in operators.items()}
        row = Evolved(instruction=_alone(*outputs.values()), parent=inputs["prompt"], domain=self.options.domain)
        row.operator = names.get(inputs.get("how", TEXT[BREADTH]), "")
        row.dropped = wrong_length(row, self.options)
        return [row]


def _alone(prompt: str) -> str:
    """A prompt without blanks around it, and without the quotation marks that models like to put there."""
    text = prompt.strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1] else text


def wrong_length(row: Evolved, options: EvolOptions) -> Drop | None:
    """A prompt that is too long, or that has too few or too many words more than its parent. By breadth it may be
    shorter."""
    size, added = blank_words(row.instruction), blank_words(row.instruction) - blank_words(row.parent)
    if size > options.max_words:
        return _no("too long", f"{size} words; a prompt has {options.max_words} at most")
    if added > options.most_added or (row.operator != BREADTH and added < options.fewest_added):
        return _no("added words", f"{added} more; it has {options.fewest_added} to {options.most_added}")
    return None


def unchanged(row: Evolved) -> Drop | None:
    """A prompt with the same words as its parent."""
    if not row.parent or words(row.instruction) != words(row.parent):
        return None
    return _no("unchanged", "it is its parent again")


def leaked(row: Evolved) -> Drop | None:
    """A prompt with words of the teacher's instructions, which its parent does not have (section 3.2)."""
    match = _LEAKED.search(row.instruction)
    if match and not _LEAKED.search(row.parent):
        return _no("template words", f"it says {match[0]!r}")
    instructions = *wordings(EvolvePrompt), *wordings(CreatePrompt), OPERATORS[row.domain].get(row.operator, "")
    runs = (copied_run(row.instruction, text) for text in instructions)
    for run in (" ".join(run) for run in runs if len(run) >= REPEATED):
        if copied_share(run, row.parent) < 1:
            return _no("template words", f"it says {run!r}")
    return None


def states(row: Evolved) -> Drop | None:
    """A prompt that asks for nothing, where its parent does: the teacher answered the parent, or stated it as a fact
    (ours: all of 12 rows that the shelf's models accepted without this check were statements)."""
    if not row.instruction or asks(row.instruction) or not (is_english([row.parent]) and asks(row.parent)):
        return None
    return _no("no request", "it asks for nothing")


def no_help(row: Evolved) -> Drop | None:
    """An answer that is short and sorry, or only punctuation and stop words (section 3.2). None while it is empty."""
    if re.search(r"\bsorry\b", row.answer, re.IGNORECASE) and (size := blank_words(row.answer)) < SHORT:
        return _no("sorry", f"it is sorry, in {size} words")
    if row.answer and not content_words(row.answer):
        return _no("no content", "only punctuation and stop words")
    return None


def _no(reason: str, detail: str) -> Drop:
    return Drop(step="elimination", reason=reason, detail=detail)


def examples(seeds: Sequence[EvolSeed], options: EvolOptions) -> dict[str, list[dspy.Example]]:
    """Good rewrites by the operators of the domain. They are demos and no labels, since many rewrites are right."""
    steps: dict[str, list[dspy.Example]] = {"evolve": [], "branch": []}
    operators = OPERATORS[options.domain]
    for seed in (seed for seed in seeds if seed.row and seed.how in operators):
        example = dspy.Example(prompt=seed.prompt, group=seed.group)
        if seed.how == BREADTH:
            steps["branch"].append(example.copy(created=seed.rewritten).with_inputs("prompt"))
        else:
            rewrite = example.copy(how=operators[seed.how], rewritten=seed.rewritten)
            steps["evolve"].append(rewrite.with_inputs("prompt", "how"))
    return steps


RECIPE = Recipe(
    name="evol-instruct",
    paper="WizardLM; Xu et al. 2023",
    gives="harder prompt and its answer",
    reads="rows",
    inputs=("prompt",),
    seed=EvolSeed,
    program=EvolInstruct,
    feed=Rounds,
    examples=examples,
    checks=("refusal", "template marks", "language", unchanged, leaked, states, no_help, "copied seed"),
    reply_tokens=256,
    judges=(Harder,),
    required=frozenset({"harder"}),
)
