"""The four steps of LAB (Sudalairaj et al. 2024, section 3.2): ask, check the question, answer, judge the pair."""

from typing import Literal

import dspy

from signatures.judges import YesNo
from signatures.variants import also

ANY_TASK = "answering what is asked"  # the task of a question that comes without one
QUESTIONS = 5  # which `AskFromTopic` asks for


@also("Study the examples, then write five new questions for the same task, each about something else.")
class AskFromTopic(dspy.Signature):
    """Write five new questions for the task below. Each asks for the same skill or knowledge as the examples,
    is different from them and from the others, can be answered without anything that is not in the
    question or the context, and is clear to someone who sees it alone."""

    task: str = dspy.InputField(desc="what the questions are for")
    examples: str = dspy.InputField(desc="questions people wrote for this task, with their answers")
    context: str = dspy.InputField(desc="text the questions are about, or 'none'")
    questions: list[str] = dspy.OutputField(desc="exactly five questions")


@also("Is this a usable question for the task? Give a short reason, then say yes or no.")
class CheckQuestion(dspy.Signature):
    """Decide whether the question fits the task and is safe, clear, complete and answerable as it stands.
    First say what is wrong with it, if anything. Then decide."""

    task: str = dspy.InputField(desc="what the question is for")
    context: str = dspy.InputField(desc="text the question is about, or 'none'")
    question: str = dspy.InputField(desc="the question to check")
    reasoning: str = dspy.OutputField(desc="one sentence")
    verdict: YesNo = dspy.OutputField(desc="yes to keep the question, no to drop it")


class AnswerForTask(dspy.Signature):
    """Answer the question. (The model is not shown this: the question alone is its prompt, as in the paper.)"""

    prompt: str = dspy.InputField(desc="the question, below its context if it has one")
    answer: str = dspy.OutputField(desc="the whole reply")


@also("Grade this answer 1 (wrong), 2 (right but brief) or 3 (expert). Explain first, then give the grade.")
class JudgePair(dspy.Signature):
    """Grade how well the answer serves the question. Explain first, then grade:
    1 means wrong, off the question, or not supported by the context;
    2 means right but brief, or with a small flaw;
    3 means right, complete and clear, as an expert would write it."""

    task: str = dspy.InputField(desc="what the question is for")
    context: str = dspy.InputField(desc="text the question is about, or 'none'")
    question: str = dspy.InputField()
    answer: str = dspy.InputField(desc="the answer to grade")
    reasoning: str = dspy.OutputField(desc="one or two sentences on what is right and what is wrong")
    grade: Literal[1, 2, 3] = dspy.OutputField(desc="1, 2 or 3")
