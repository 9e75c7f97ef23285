"""label-to-text: write a text that has a label, say which label a text has, and judge whether it has the asked one."""

import dspy

from signatures.judges import YesNo
from signatures.variants import also, line

SUBJECTS = (
    "music",
    "food",
    "a school",
    "clothes",
    "a garden",
    "winter",
    "an office",
    "animals",
    "books",
    "sports",
    "a shop",
)
"""What a text may be about. These lists have 11, 3 and 5 items, so that all combinations of them come in turn."""
LENGTHS = ("one sentence", "two sentences", "three or four sentences")
TONES = ("plain", "polite", "informal", "brief", "careful")


@also(
    "Add one more text to these examples, with another story. Only this label may fit it, and it must not say so.",
    "A classifier needs training texts. Write one as real as the examples. Its right label is the given one, but it "
    "does not name it, and its facts are its own.",
)
class WriteText(dspy.Signature):
    """Write one new text of the same kind as the examples. A careful reader must see in it the label below, and none
    of the other labels. Tell of other people, things, places and numbers than the examples do.
    Write only what the author of such a text would write: never the label, its meaning or the task."""

    task: str = dspy.InputField(desc="what the labels of a text say")
    others: str = dspy.InputField(desc="the labels that must not fit the text, with their meanings")
    label: str = dspy.InputField(desc="the label that must fit the text")
    definition: str = dspy.InputField(desc="what this label means; not to be repeated")
    how: str = dspy.InputField(desc="the length and the tone; the subject is a hint, for where it fits")
    examples: str = dspy.InputField(desc="texts of this label, a line each; not to be copied")
    text: str = dspy.OutputField(desc="one more such text, and nothing else")


@also(
    "Read the meanings of the labels, then give the name of the one that fits this text best.",
    "Sort the text into one of these classes. Reply with the name of the class.",
)
class Classify(dspy.Signature):
    """Say which one of the labels the text has, by what the labels mean."""

    task: str = dspy.InputField(desc="what the labels of a text say")
    labels: str = dspy.InputField(desc="the labels to choose from, with their meanings")
    text: str = dspy.InputField(desc="the text to classify")
    label: str = line("the name of one label, and nothing else")


@also(
    "Somebody gave this text a label. Is it the right one? Reply with one word, yes or no.",
    "You check the labels of a data set. Reply yes if the label fits the text and no other would, else no.",
)
class JudgeCarries(dspy.Signature):
    """You check texts that were labelled for a task. A label is right if the text clearly has it. It is wrong if
    the text has another label of the task, or might as well have another."""

    question: str = dspy.InputField(desc="the task, and the label to check")
    answer: str = dspy.InputField(desc="the text")
    verdict: YesNo = dspy.OutputField(desc="Does this text have exactly this label? Reply with one word: yes or no.")
