"""What a judge is asked about one row. A judge reasons in its first field and decides in its last."""

from typing import Literal

import dspy

from signatures.variants import also

YesNo = Literal["yes", "no"]
NONE = "none"  # what stands for a text that a row does not have


@also("Does the text hold the answer to the question? Find the sentence first, then say yes or no.")
class JudgeAnswerability(dspy.Signature):
    """Decide whether the document alone is enough to answer the question.
    First name the sentence that answers it, or what is missing. Then decide."""

    document: str = dspy.InputField(desc="all that may be used")
    question: str = dspy.InputField()
    reasoning: str = dspy.OutputField(desc="one sentence: the evidence, or what is missing")
    verdict: YesNo = dspy.OutputField(desc="yes if the document answers the question, else no")


@also("You check answers to questions on a text. Reply with one word, yes or no.")
class JudgeCorrect(dspy.Signature):
    """You check question and answer pairs that were written on a document. A pair is right if the document says that
    this is the answer, if it answers exactly what is asked, and if it leaves nothing out that was asked for."""

    document: str = dspy.InputField(desc="all that may be used")
    question: str = dspy.InputField()
    answer: str = dspy.InputField(desc="the answer to check")
    verdict: YesNo = dspy.OutputField(
        desc="By the document, is this the correct answer to exactly this question? Reply with one word: yes or no."
    )


@also("Write the answer as a list of short facts. Each fact is one sentence that can be understood alone.")
class SplitClaims(dspy.Signature):
    """Split the answer into its claims: every single thing it states, in its order, each as one short sentence
    that says alone what it means. Keep names, numbers and dates as they are. Add nothing that the answer
    does not say, and leave out nothing that it says."""

    question: str = dspy.InputField(desc="what was asked")
    answer: str = dspy.InputField(desc="the answer to split")
    claims: list[str] = dspy.OutputField(desc="one claim an item, at least one")


@also("Does the text say this? Compare numbers and names first, then say yes or no.")
class JudgeClaim(dspy.Signature):
    """Decide whether the document supports the claim, which is part of an answer to the question.
    First find the sentence that speaks of it and compare every number, name and date. What the document
    does not say is not supported, even where it is true."""

    document: str = dspy.InputField(desc="all that may be used")
    question: str = dspy.InputField(desc="what the claim is said in answer to")
    claim: str = dspy.InputField(desc="the claim to check")
    reasoning: str = dspy.OutputField(desc="one sentence: what the document says about it")
    verdict: YesNo = dspy.OutputField(desc="yes if the document supports the claim, else no")


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


@also("Grade this reply from 1 (bad) to 5 (excellent). Name its greatest weakness first, then give the grade.")
class JudgeCuration(dspy.Signature):
    """Grade how good an example of a helpful assistant this reply is. Name its strengths and weaknesses, then grade:
    1 means unfit: unfinished, vague, beside the point, or full of what nobody asked for, such as advertising or
    navigation;
    2 means that it covers most of what was asked without answering it directly, as with a general method where
    a solution was wanted;
    3 means useful and complete, but written for another occasion: an article, a forum post, someone's own story;
    4 means written as an assistant to this very request, complete, clear and well ordered, with small things
    to improve;
    5 means the best an assistant could give: expert, precise, easy to read, with no word too many."""

    context: str = dspy.InputField(desc="text the request is about, or 'none'")
    prompt: str = dspy.InputField(desc="the request")
    response: str = dspy.InputField(desc="the reply to grade")
    reasoning: str = dspy.OutputField(desc="one or two sentences on strengths and weaknesses")
    grade: Literal[1, 2, 3, 4, 5] = dspy.OutputField(desc="1, 2, 3, 4 or 5")


@also("Give this reply one point each for: relevant, thorough, usable, well written, expert. Explain, then add up.")
class JudgeAdditive(dspy.Signature):
    """Grade the reply by adding points, each given only where those before it are. Explain each point, then add up:
    one point if the reply is on the subject and holds something the user can use;
    another if it deals with a large part of the request, even if not all;
    another if it answers the heart of the request in a useful way, whoever seems to have written it;
    another if it speaks as an assistant to the user, answers directly and fully, and is well ordered;
    another if it is cut to this user by an expert: nothing to add, nothing to leave out.
    A reply that earns none gets 0."""

    context: str = dspy.InputField(desc="text the request is about, or 'none'")
    prompt: str = dspy.InputField(desc="the request")
    response: str = dspy.InputField(desc="the reply to grade")
    reasoning: str = dspy.OutputField(desc="one sentence: which points are earned, and why the next is not")
    grade: Literal[0, 1, 2, 3, 4, 5] = dspy.OutputField(desc="the sum of the points, 0 to 5")


@also("Does this reply keep the rule? Look for a breach first, then say yes or no.")
class JudgeRule(dspy.Signature):
    """Decide whether the reply keeps this one rule, and mind nothing else about it.
    First name the passage that breaks the rule, or say that there is none. Then decide."""

    context: str = dspy.InputField(desc="text the request is about, or 'none'")
    prompt: str = dspy.InputField(desc="the request")
    response: str = dspy.InputField(desc="the reply to check")
    rule: str = dspy.InputField(desc="the rule to check it by")
    reasoning: str = dspy.OutputField(desc="one sentence: what breaks the rule, or that nothing does")
    verdict: YesNo = dspy.OutputField(desc="yes if the reply keeps the rule, else no")


@also("Which of the two replies is better, the first or the second? Compare them first, then decide.")
class JudgePreference(dspy.Signature):
    """Decide which of two replies serves the user better: correct first, then complete, then clear.
    Neither their order nor their length counts. First compare them, then decide."""

    context: str = dspy.InputField(desc="text the request is about, or 'none'")
    prompt: str = dspy.InputField(desc="the request")
    first: str = dspy.InputField(desc="the first reply")
    second: str = dspy.InputField(desc="the second reply")
    reasoning: str = dspy.OutputField(desc="one or two sentences: where they differ, and which of them gains by it")
    verdict: Literal["first", "second"] = dspy.OutputField(desc="first or second")
