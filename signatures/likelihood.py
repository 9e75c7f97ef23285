"""What a model is told before it is asked how likely an answer is: nothing but the task."""

import dspy


class ExpectAnswer(dspy.Signature):
    """Answer the question from the document. Give the answer alone, in as few words as it takes."""

    document: str = dspy.InputField()
    question: str = dspy.InputField()
    answer: str = dspy.OutputField(desc="The answer:")


class GuessAnswer(dspy.Signature):
    """Answer the question. Give the answer alone, in as few words as it takes."""

    question: str = dspy.InputField()
    answer: str = dspy.OutputField(desc="The answer:")
