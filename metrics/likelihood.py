"""Evidence of a language model that writes nothing: how likely it finds an answer, with the document and without.

The readings are in log units (nats), neither clipped nor squashed; the fit gives them a centre and a scale.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from programs.core.background import together
from programs.core.row import Candidate
from programs.formats.formats import FORMATS
from signatures.likelihood import ExpectAnswer, GuessAnswer

LIKELIHOOD = "likelihood"  # the name of all three together
LIKELIHOODS = ("answer_likelihood", "least_token", "document_gain")
DOUBTS = {
    "answer_likelihood": "a model that has read the document does not expect this answer",
    "least_token": "one word of the answer is not what a model that has read the document expects",
    "document_gain": "the document makes the answer hardly likelier: the question may hold it",
}
"""What is wrong with a row whose reading is lower than an average row's."""


class Scorer(Protocol):
    """A model that says how likely a reply is, such as a TeacherLM whose endpoint can."""

    async def score(self, messages: Sequence[dict[str, str]], continuation: str) -> list[float]: ...


async def likelihood(row: Candidate, model: Scorer) -> dict[str, float]:
    """The log-probabilities of the answer's tokens after document and question: `answer_likelihood` is their mean,
    `least_token` the least, `document_gain` their sum less the sum after the question alone. Two calls.

    Empty for a row without a document, a question or an answer. Raises the errors of the model's calls.
    """
    if not (row.document and row.prompt and row.response.strip()):
        return {}
    with_document, question_only = await together(
        [
            model.score(_messages(ExpectAnswer, document=row.document, question=row.prompt), row.response),
            model.score(_messages(GuessAnswer, question=row.prompt), row.response),
        ]
    )
    if not with_document:
        return {}
    readings = sum(with_document) / len(with_document), min(with_document), sum(with_document) - sum(question_only)
    return {name: round(reading, 4) for name, reading in zip(LIKELIHOODS, readings, strict=True)}


def _messages(signature: Any, **inputs: str) -> list[dict[str, str]]:
    messages: list[dict[str, str]] = FORMATS["plain"].format(signature, [], inputs)
    return messages
