"""Evidence of a language model that is asked nothing: how likely an answer is to it, with the document and without.

The readings are in log units (nats), neither clipped nor squashed: they get a centre and a scale in the fit.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from programs.core.candidate import Candidate
from programs.core.program import together
from programs.formats.formats import FORMATS
from signatures.likelihood import ExpectAnswer, GuessAnswer

LIKELIHOOD = "likelihood"  # all of them, as what is asked of a model
LIKELIHOODS = ("answer_likelihood", "least_token", "document_gain")
DOUBTS = {
    "answer_likelihood": "a model that has read the document does not expect this answer",
    "least_token": "one word of the answer is not what a model that has read the document expects",
    "document_gain": "the document makes the answer hardly likelier: the question may hold it",
}
"""What speaks against a row whose reading is less than that of an average one."""


class Scorer(Protocol):
    """A model that tells how likely a given reply is, such as a TeacherLM whose endpoint can."""

    async def score(self, messages: Sequence[dict[str, str]], continuation: str) -> list[float]: ...


async def likelihood(row: Candidate, model: Scorer) -> dict[str, float]:
    """Of the answer's tokens, given document and question: `answer_likelihood`, the mean log-probability, and
    `least_token`, the least; `document_gain`: their sum less that of the question alone. Two calls.

    Empty for a row without a document, a question or an answer. Raises what the model's calls do.
    """
    if not (row.document and row.prompt and row.response.strip()):
        return {}
    told, guessed = await together(
        [
            model.score(_asked(ExpectAnswer, document=row.document, question=row.prompt), row.response),
            model.score(_asked(GuessAnswer, question=row.prompt), row.response),
        ]
    )
    if not told:
        return {}
    readings = sum(told) / len(told), min(told), sum(told) - sum(guessed)
    return {name: round(reading, 4) for name, reading in zip(LIKELIHOODS, readings, strict=True)}


def _asked(signature: Any, **inputs: str) -> list[dict[str, str]]:
    messages: list[dict[str, str]] = FORMATS["plain"].format(signature, [], inputs)
    return messages
