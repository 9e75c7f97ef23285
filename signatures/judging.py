"""What a judge is asked about one row. A judge reasons in its first field and decides in its last."""

from typing import Literal

import dspy

from signatures.wording import also

YesNo = Literal["yes", "no"]


@also("Does the text hold the answer to the question? Find the sentence first, then say yes or no.")
class JudgeAnswerability(dspy.Signature):
    """Decide whether the document alone is enough to answer the question.
    First name the sentence that answers it, or what is missing. Then decide."""

    document: str = dspy.InputField(desc="all that may be used")
    question: str = dspy.InputField()
    reasoning: str = dspy.OutputField(desc="one sentence: the evidence, or what is missing")
    verdict: YesNo = dspy.OutputField(desc="yes if the document answers the question, else no")


@also("Is every part of the answer supported by the text? Compare numbers and names first, then say yes or no.")
class JudgeGroundedness(dspy.Signature):
    """Decide whether every claim of the answer stands in the document.
    First compare each number, name, date and claim of the answer with the document. One wrong or
    unsupported claim means no."""

    document: str = dspy.InputField(desc="all that may be used")
    question: str = dspy.InputField()
    answer: str = dspy.InputField(desc="the answer to check")
    reasoning: str = dspy.OutputField(desc="one sentence: the claim that is not supported, or that all are")
    verdict: YesNo = dspy.OutputField(desc="yes if every claim is in the document, else no")


@also("Does this answer reply to exactly this question? Give a short reason, then say yes or no.")
class JudgeRelevance(dspy.Signature):
    """Decide whether the answer answers this very question: complete, to the point, nothing else.
    An answer that is true but answers another question means no."""

    question: str = dspy.InputField()
    answer: str = dspy.InputField(desc="the answer to check")
    reasoning: str = dspy.OutputField(desc="one sentence: what the question asks and what the answer gives")
    verdict: YesNo = dspy.OutputField(desc="yes if the answer answers the question, else no")


@also("Would a real user ask this about the text? Give a short reason, then say yes or no.")
class JudgeQuestion(dspy.Signature):
    """Decide whether this is a question that a real user of the document would ask.
    No to a question that is trivial, that gives its own answer away, that only makes sense with the
    document in view, that is a sentence of the document with a question mark, or that is cut off."""

    document: str = dspy.InputField(desc="what the question is about")
    question: str = dspy.InputField(desc="the question to check")
    reasoning: str = dspy.OutputField(desc="one sentence: why a user would or would not ask it")
    verdict: YesNo = dspy.OutputField(desc="yes if it is a good question, else no")
