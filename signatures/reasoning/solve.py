"""A solution with its steps, and the explanation of an answer that is given."""

import dspy

from signatures.variants import also, line

CLOSING = "The answer is {}."  # the last line of every solution


@also(
    "Work out what is asked, one step after the other, and then give the answer.",
    "Say what to calculate first, calculate it, and go on until the answer is there. Check each computation.",
)
class SolveProblem(dspy.Signature):
    """Solve the problem in short steps. Write one sentence a step, with its computation in numbers alone, such as
    6 * 45 = 270. Then give the final answer."""

    problem: str = dspy.InputField(desc="a problem with one right answer")
    reasoning: str = dspy.OutputField(desc="the steps, each with its computation; no more steps than are needed")
    answer: str = line("the final answer alone, as a number without its unit")


@also("Someone knows the answer to this problem. Write the steps that lead to it.")
class ExplainAnswer(dspy.Signature):
    """Write a solution of the problem that ends in the answer given, as if nobody had given it. Write one short
    sentence a step, with its computation in numbers alone, such as 6 * 45 = 270."""

    problem: str = dspy.InputField(desc="a problem with one right answer")
    answer: str = dspy.InputField(desc="its right answer")
    reasoning: str = dspy.OutputField(desc="the steps, each with its computation; the last one gives the answer")
