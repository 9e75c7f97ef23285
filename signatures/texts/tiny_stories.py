"""TinyStories (Eldan and Li 2023, section 2): a story for a small child, its check, and its summary."""

import dspy

from signatures.judges import YesNo
from signatures.variants import also, line


@also(
    "Write a little story with these words that a child of three can follow from its beginning to its end.",
    "Tell a bedtime story. Use the three words in it, keep to the words of a small child, and let it come to an end.",
)
class TellStory(dspy.Signature):
    """Write a short story for a child of three or four years, with simple words and short sentences. Use each of the
    given words in it, and give it the given features. Somebody wants something, something happens, and the story comes
    to an end. Every sentence must follow from those before it. Write no title."""

    words: str = dspy.InputField(desc="a verb, a noun and an adjective, each of which is in the story in some form")
    features: str = dspy.InputField(desc="what else the story must have, or none")
    length: str = dspy.InputField(desc="how long the story is")
    story: str = dspy.OutputField(desc="the whole story and nothing else")


@also("What happens in this story? Tell it in one or two short sentences, with the end.")
class Summarise(dspy.Signature):
    """Sum up the story in one or two short sentences: who it is about, what happens, and how it ends.
    Use simple words."""

    story: str = dspy.InputField(desc="a story for a small child")
    summary: str = line("one or two sentences of 10 to 40 words")


@also("Is this a good story for a small child, with right grammar and a plot? Reply with one word, yes or no.")
class JudgeStory(dspy.Signature):
    """You check stories that were written for a child of three or four years. A story is good if its grammar is right,
    if every sentence follows from those before it, if it comes to an end that fits what came before, and if a small
    child understands its words and its thought."""

    prompt: str = dspy.InputField(desc="the words and the features that the story was to have")
    response: str = dspy.InputField(desc="the story to check")
    verdict: YesNo = dspy.OutputField(
        desc="Is this a correct, sensible and finished story for a small child? Reply with one word: yes or no."
    )
