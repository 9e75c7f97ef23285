"""A passage, a good row on it, and the metric of grounded QA with hashed content words for an embedder."""

from support.bags import embed

from metrics.metric import Bars, Metric
from programs.qa.grounded_qa import QA, RECIPE
from signatures.refusal import DOES_NOT_SAY

PASSAGE = (
    "The K3 holds 1.7 litres at the MAX line and needs at least 0.5 litres, shown by the MIN line, to heat evenly. "
    "Filling above MAX can cause boiling water to spit from the spout. Filling below MIN may trigger the dry-boil "
    "cut-out before the water reaches its target. Always lift the kettle off its base before filling it, and dry the "
    "underside if any water runs down."
)
QUESTION = "How much water does the K3 kettle need to heat evenly?"
ANSWER = "At least 0.5 litres."
SEED = "Why does the K3 kettle spit boiling water from the spout when it is filled above MAX?"
METRIC = Metric(RECIPE, embed, Bars(relevance=0.2, support=0.6), shown=[SEED])


def qa(question: str = QUESTION, answer: str = ANSWER) -> QA:
    return QA(passage=PASSAGE, question=question, answer=answer, answerable=answer != DOES_NOT_SAY)
