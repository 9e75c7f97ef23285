"""Evol-Instruct (WizardLM, Xu et al. 2023; for code WizardCoder, Luo et al. 2023): harder prompts and their answers."""

import dspy

from signatures.judges import YesNo
from signatures.variants import also

BREADTH = "breadth"

TEXT = {
    "constraint": "Add one more condition or requirement that the answer has to meet.",
    "deepen": "Where it asks about a matter, ask about it in more depth and more widely.",
    "concretise": "Replace general terms with more specific ones: name the person, place, thing or case that is meant.",
    "reasoning": "Where it can be answered in a few steps of thought, ask for a result that needs several steps.",
    "complicate input": "Put data into it on which the task is done, such as a table, a list, code or a message.",
    BREADTH: "Write another prompt of the same field.",
}
"""The operators of WizardLM (section 3.2): five that deepen a prompt, and one that widens the topics."""
CODE = {
    "constraint": "Add a new requirement to the problem, in about ten words.",
    "rarer requirement": "Replace a common requirement of the problem with a rarer and more specific one.",
    "reasoning": "Where a few logical steps solve the problem, make it need more of them.",
    "misdirection": "Add a piece of wrong code as a reference, so that the problem misleads.",
    "tighter limits": "Ask for a lower complexity in time or in space.",
}
"""The operators of WizardCoder (section 3.1)."""


@also("Here is a prompt and one way to make it harder. Write the harder prompt, 10 to 20 words longer, and no answer.")
class EvolvePrompt(dspy.Signature):
    """Rewrite the prompt so that it is somewhat harder to answer well. Change it in the one way that is named and leave
    the rest, with any table or code in it, as it is. Add about ten to twenty words. A person must still find it
    reasonable, and a model that reads only this text must be able to answer it. Do not answer it."""

    prompt: str = dspy.InputField(desc="the prompt to rewrite")
    how: str = dspy.InputField(desc="the way to make it harder")
    rewritten: str = dspy.OutputField(desc="the new prompt alone, without a heading")


@also("Invent another prompt for the same field as this one: rarer, about as long and as hard. Do not answer it.")
class CreatePrompt(dspy.Signature):
    """Take the prompt as an example and write a new one of the same field that asks for something rarer. It is about as
    long and at least as hard. A person must find it reasonable, and a model that reads only this text must be able to
    answer it. Do not answer it."""

    prompt: str = dspy.InputField(desc="the prompt to take as an example")
    created: str = dspy.OutputField(desc="the new prompt alone, without a heading")


class AnswerPrompt(dspy.Signature):
    """Answer the prompt. (The model is not shown this: the prompt alone is what it reads, as in the paper.)"""

    prompt: str = dspy.InputField(desc="the new prompt")
    answer: str = dspy.OutputField(desc="the whole reply")


@also("You compare two prompts. Say yes only if the second one asks for more and can be answered. Reply with one word.")
class JudgeHarder(dspy.Signature):
    """You check prompts that were made from older ones. A new prompt is good if it asks for more than the old one, or
    for something rarer of the same field, and if a model that reads only this prompt can answer it. It is bad if it
    asks for the same in other words or for less, if its conditions contradict each other, if it needs what is not
    given, if it holds its own answer, or if it is about something else."""

    old: str = dspy.InputField(desc="the old prompt")
    new: str = dspy.InputField(desc="the new prompt")
    verdict: YesNo = dspy.OutputField(
        desc="Does the new prompt ask for more than the old one, and can it be answered? Reply with yes or no."
    )
