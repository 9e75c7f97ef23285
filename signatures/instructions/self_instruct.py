"""Self-Instruct (Wang et al. 2022, section 2.2): new instructions, their kind, and their instances."""

from typing import Literal

import dspy

from signatures.variants import also

PROPOSALS = 8  # which the two signatures that propose instructions ask for


@also("Continue this list of tasks with eight new ones that differ from all of these.")
class ProposeInstructions(dspy.Signature):
    """Come up with new tasks for a text model. Here is a list of tasks; write up to eight more that could follow.
    Vary the verb, the topic and the form (a question, a command). Each is one or two sentences in English
    and can be done with text alone."""

    tasks: str = dspy.InputField(desc="a numbered list of tasks")
    proposals: list[str] = dspy.OutputField(desc="up to eight new tasks, each different from the list")


@also("Continue this list with eight new tasks that users of the application would give it, each unlike all of these.")
class ProposeForApplication(dspy.Signature):
    """Come up with new tasks for a text model that serves the application below. Here is a list of tasks; write up to
    eight more that users of this application could give it. Vary the verb, the topic and the form (a question, a
    command). Each is one or two sentences in English and can be done with text alone."""

    application: str = dspy.InputField(desc="what the application does, and for whom")
    tasks: str = dspy.InputField(desc="a numbered list of tasks")
    proposals: list[str] = dspy.OutputField(desc="up to eight new tasks, each different from the list")


@also("Is the answer to this task always one of a few fixed labels? Say yes or no.")
class IsClassification(dspy.Signature):
    """Decide whether the task is a classification task: its output is one of a small, fixed set of labels."""

    instruction: str = dspy.InputField(desc="the task")
    verdict: Literal["yes", "no"] = dspy.OutputField(desc="yes for a classification task, else no")


@also("Give an example input for the task and then the correct output.")
class WriteInstance(dspy.Signature):
    """Do the task once. If it needs an input, make up a realistic one first; if it needs none, write none.
    Then write the correct output for that input."""

    instruction: str = dspy.InputField(desc="the task")
    input: str = dspy.OutputField(desc="a realistic input of up to 100 words, or none")
    output: str = dspy.OutputField(desc="the correct output, complete, up to 200 words")


@also("List the labels this classification task can give, up to five.")
class ListLabels(dspy.Signature):
    """Name the labels that the answer to this classification task can be, the most common first."""

    instruction: str = dspy.InputField(desc="a classification task")
    labels: list[str] = dspy.OutputField(desc="two to five labels, a few words each")


@also("Write an input that belongs to this label.")
class WriteInputForLabel(dspy.Signature):
    """Write a realistic input for this classification task whose correct label is the one given.
    Do not name the label in the input."""

    instruction: str = dspy.InputField(desc="a classification task")
    label: str = dspy.InputField(desc="the correct output")
    input: str = dspy.OutputField(desc="an input of up to 100 words")
