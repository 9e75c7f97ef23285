"""Questions and answers grounded in a document (the Falcon scheme: a user's question, the document's answer)."""

import dspy

from signatures.refusal import DOES_NOT_SAY
from signatures.variants import also, line


@also(
    "Write one question that this text answers.",
    "A reader needs one fact from this document. Write the question they would ask to get it.",
)
class AskQuestion(dspy.Signature):
    """Read the document and write one question that a user would ask and that the document answers.
    Name the thing you ask about, so that the question makes sense to someone who cannot see the document."""

    document: str = dspy.InputField(desc="a passage of the user's own documents")
    question: str = line("one question of 5 to 25 words that ends with a question mark")


@also(
    "Write one question about this text that a user might ask but that the text leaves unanswered.",
    "Name one detail that is missing from this document, as a question.",
)
class AskBeyond(dspy.Signature):
    """Read the document and write one question on its topic that a user would ask
    and that the document does not answer. The question must not rest on a false claim."""

    document: str = dspy.InputField(desc="a passage of the user's own documents")
    question: str = line("one question of 5 to 25 words that ends with a question mark")


@also(
    "Answer from the text, in as few words as possible.",
    "Copy the shortest part of the document that answers the question.",
)
class AnswerQuestion(dspy.Signature):
    __doc__ = f"""Answer the question from the document alone. Be brief and exact: keep numbers, names and dates
    as the document gives them. If the document does not answer the question, write: {DOES_NOT_SAY}"""

    document: str = dspy.InputField(desc="the only source of the answer")
    question: str = dspy.InputField(desc="the question to answer")
    answer: str = line(f"a few words or one sentence; or exactly: {DOES_NOT_SAY}")


@also("Write a short new text of the same kind as these, with other facts.")
class InventDocument(dspy.Signature):
    """Here are passages of documents that belong together. Write a new passage that could stand in the same
    collection: the same kind of text and tone, another subject, with concrete facts of its own
    (names, numbers, dates). Copy no sentence."""

    examples: str = dspy.InputField(desc="a few passages, separated by blank lines")
    document: str = dspy.OutputField(desc="one new passage of three to six sentences")
