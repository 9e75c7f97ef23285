"""The program of the client's benchmark: three calls a row, one after the other; and its prompts, ready to be sent."""

import dspy

from programs.core.program import Program
from programs.core.step import Step
from programs.formats.formats import FORMATS
from programs.qa.grounded_qa import QA
from signatures.judges import JudgeClaim
from signatures.qa.grounded_qa import AnswerQuestion, AskQuestion


class ThreeCalls(Program):
    """passage -> question -> answer -> the judge's verdict on it."""

    row = QA

    def __init__(self) -> None:
        super().__init__()
        self.ask_question = Step(AskQuestion)
        self.answer_question = Step(AnswerQuestion)
        self.judge_claim = Step(JudgeClaim)

    async def aforward(self, document: str) -> dspy.Prediction:
        candidate = QA(passage=document)
        if await self.fill(candidate, "ask_question", document=document):
            asked = {"document": document, "question": candidate.question}
            if await self.fill(candidate, "answer_question", **asked):
                await self.ask(candidate, "judge_claim", **asked, claim=candidate.answer)
        return dspy.Prediction(candidates=[candidate])


def templates() -> dict[str, tuple[str, str]]:
    """The system and user message of each call, in order, by the field its reply fills; `<<field>>` stands where a
    value goes."""
    steps = {"question": AskQuestion, "claim": AnswerQuestion, "reasoning": JudgeClaim}
    return {name: _template(signature) for name, signature in steps.items()}


def _template(signature: type[dspy.Signature]) -> tuple[str, str]:
    system, user = FORMATS["chat"].format(signature, [], {name: f"<<{name}>>" for name in signature.input_fields})
    return system["content"], user["content"]
