"""The round trip: a second answer to a row's question, in other words, must be like the first."""

from metrics.worth import Worth
from programs.core.row import Candidate, Drop
from programs.core.text import f1
from signatures.refusal import declines

STEP = "round trip"


def differs(row: Candidate, second_answer: str, worth: Worth, bar: float) -> Drop | None:
    """Record the likeness of the second answer, word F1 in [0, 1]. Returns a Drop if it is below the bar.

    A row that says that the document does not answer is dropped if the teacher, when asked, finds an answer, or its
    reply cannot be read.
    """
    if row.refuses:
        return None if declines(second_answer) else _answered(second_answer)
    worth.parts[STEP] = f1(row.response, second_answer)
    if worth.parts[STEP] >= bar:
        return None
    return Drop(step=STEP, reason=STEP, detail="asked again in other words, the answer was another")


def _answered(second_answer: str) -> Drop:
    detail = f"asked for what the document is not to say, the teacher answered {second_answer!r}"
    return Drop(step=STEP, reason="answerable question", detail=detail)
