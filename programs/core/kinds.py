"""The six kinds of rows. Each says which columns a trainer reads, and what the metric looks at.

The columns are those that TRL 1.16 reads (its docs, "Dataset formats and types"): conversational lists of messages,
with an explicit prompt. Stepwise rows are axolotl's `stepwise_supervised`, because TRL trains no process reward model.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from programs.core.row import Candidate, Message


class ChatColumns(BaseModel):
    """For supervised fine-tuning."""

    messages: list[Message]


class Chat(Candidate):
    """A conversation. By default one exchange: the document and the prompt, and the response."""

    Base = ChatColumns
    purpose = "supervised fine-tuning"

    def messages(self) -> list[Message]:
        """The conversation, which ends with the assistant's message."""
        asked = "\n\n".join(filter(None, (self.document, self.prompt)))
        return [Message(role="user", content=asked), Message(role="assistant", content=self.response)]

    def base(self) -> dict[str, Any]:
        return {"messages": [message.model_dump() for message in self.messages()]}


class PromptColumns(BaseModel):
    """For reinforcement learning (GRPO), and as the source of another run."""

    prompt: list[Message]


class Prompt(Candidate):
    """A prompt without a response. A recipe names the field with its text as its `prompt`."""

    Base = PromptColumns
    purpose = "reinforcement learning, or as the source of another run"

    @property
    def written(self) -> str:
        return self.prompt

    def base(self) -> dict[str, Any]:
        return {"prompt": _turn("user", self.prompt)}


class Ranked(BaseModel):
    """One of several answers to a prompt; rank 1 is the best."""

    model: str
    rank: int
    answer: str


class PreferenceColumns(BaseModel):
    """For DPO, ORPO, KTO and reward models. `probability`: that a judge prefers the chosen answer, in [0, 1]."""

    prompt: list[Message]
    chosen: list[Message]
    rejected: list[Message]
    score_chosen: float
    score_rejected: float
    margin: float
    probability: float | None
    models: list[str]
    ranking: list[Ranked]


class Preference(Candidate, prompt="instruction", response="chosen_answer"):
    """Two answers to one prompt, of which one is better. `models` wrote the chosen and the rejected answer, and those
    of the ranking the others that stand in the row.

    Its view is the chosen answer: the rejected one may have any fault.
    """

    Base = PreferenceColumns
    purpose = "preference optimisation and reward models"
    instruction: str = ""
    chosen_answer: str = ""
    rejected_answer: str = ""
    score_chosen: float = 0.0
    score_rejected: float = 0.0
    probability: float | None = None
    models: list[str] = Field(default_factory=list)
    ranking: list[Ranked] = Field(default_factory=list)

    @property
    def writers(self) -> list[str]:
        return list(dict.fromkeys([*self.models, *(answer.model for answer in self.ranking)]))

    def texts(self) -> list[str]:
        return [self.instruction, self.chosen_answer, self.rejected_answer]

    def base(self) -> dict[str, Any]:
        answers = {
            "chosen": _turn("assistant", self.chosen_answer),
            "rejected": _turn("assistant", self.rejected_answer),
        }
        margin = round(self.score_chosen - self.score_rejected, 6)
        return {"prompt": _turn("user", self.instruction), **answers, "margin": margin}


class StepwiseColumns(BaseModel):
    """For process reward models: a label for each step of a solution. `ratings` are -1, 0 or 1 (PRM800K)."""

    prompt: str
    completions: list[str]
    labels: list[bool]
    ratings: list[int]
    finish_reason: str


class Stepwise(Candidate, prompt="problem"):
    """A solution in steps, each with a rating; a step is labelled true if its rating is at least `passing`.

    PRM800K's best scoring counts a neutral step as right (`passing` 0; Lightman et al. 2023, appendix F); TRL's
    converter counts it as wrong (`passing` 1).
    """

    Base = StepwiseColumns
    purpose = "process reward models"
    problem: str = ""
    completions: list[str] = Field(default_factory=list)
    ratings: list[Literal[-1, 0, 1]] = Field(default_factory=list)
    finish_reason: str = ""
    passing: int = 0

    @property
    def response(self) -> str:
        return "\n".join(self.completions)

    def base(self) -> dict[str, Any]:
        return {"prompt": self.problem, "labels": [rating >= self.passing for rating in self.ratings]}


class TextColumns(BaseModel):
    """For language modelling."""

    text: str


class Text(Candidate):
    """A text. A recipe names the field with it as its `response`; `prompt` may say what was asked for."""

    Base = TextColumns
    purpose = "language modelling"

    @property
    def novelty_key(self) -> str:
        return self.response

    def texts(self) -> list[str]:
        return [self.response]

    def base(self) -> dict[str, Any]:
        return {"text": self.response}


class LabelledColumns(BaseModel):
    """For classifiers. `probabilities`: of each label in a fixed order, if a model gave them; `weight` of the row."""

    text: str
    label: str
    probabilities: list[float]
    weight: float


class Labelled(Candidate, response="text"):
    """A text with its label."""

    Base = LabelledColumns
    purpose = "classifiers"
    text: str = ""
    label: str = ""
    probabilities: list[float] = Field(default_factory=list)
    weight: float = 1.0

    @property
    def novelty_key(self) -> str:
        return self.text

    def texts(self) -> list[str]:
        return [self.text]


KINDS: tuple[type[Candidate], ...] = (Chat, Prompt, Preference, Stepwise, Text, Labelled)


def without_document(messages: Sequence[Mapping[str, Any]], document: str) -> list[dict[str, Any]] | None:
    """A conversation without its document, which is its system message or the beginning of its first message; None if
    it is neither."""
    first, *rest = (dict(message) for message in messages)
    if first["role"] == "system" and str(first["content"]).strip() == document:
        return rest
    question = str(first["content"]).removeprefix(document).strip() if document else ""
    return [{**first, "content": question}, *rest] if question != str(first["content"]).strip() and question else None


def kind_of(row: type[Candidate]) -> type[Candidate]:
    """The kind of a recipe's rows. Raises TypeError for rows of no kind."""
    for kind in KINDS:
        if issubclass(row, kind):
            return kind
    raise TypeError(f"{row.__name__} is of no kind: subclass {', '.join(kind.__name__ for kind in KINDS)}")


def _turn(role: str, content: str) -> list[dict[str, str]]:
    return [{"role": role, "content": content}]
