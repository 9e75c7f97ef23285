"""A talk about a document: the user's messages, the assistant's answers, and the judge of a message that follows."""

import dspy

from signatures.judges import YesNo
from signatures.refusal import DOES_NOT_SAY
from signatures.variants import also, line

NO_TALK = "none"  # the talk before a first message
BEYOND = "beyond"
KINDS = {
    "deepen": "asks for more about something that the last answer named",
    "clarify": "asks what the last answer means in the user's own case",
    "compare": "compares something of the talk with another thing in the document",
    "correct": "states something about the subject that the document contradicts, as a user who is mistaken",
    BEYOND: "asks for a detail on the subject that is not in the document",
}
"""What the user's next message does, by its name."""


@also(
    "Write the first question of a user who wants to use what this text says.",
    "A user needs one fact from this document. Write their message, and name the thing that it is about.",
)
class OpenDialogue(dspy.Signature):
    """Read the document and write the message with which a user opens a talk about it: one question that the document
    answers. Name the thing you ask about, since the user does not have the document in front of them."""

    document: str = dspy.InputField(desc="what the talk will be about")
    message: str = line("one question of 5 to 25 words")


@also(
    "Reply to the user's last message from the text alone, in as few words as possible.",
    "Look up what the message needs in the document, and answer in one short sentence.",
)
class Reply(dspy.Signature):
    __doc__ = f"""Answer the user's message from the document alone. Read the talk before it to know what the message is
    about. Be brief and exact: keep numbers, names and dates as the document gives them. If the user is mistaken, say no
    and what is right. If the document does not answer the message, write: {DOES_NOT_SAY}"""

    document: str = dspy.InputField(desc="the only source of the answer")
    history: str = dspy.InputField(desc=f"the talk so far, or '{NO_TALK}'")
    message: str = dspy.InputField(desc="the user's message to answer")
    answer: str = line(f"one or two short sentences; or exactly: {DOES_NOT_SAY}")


@also(
    "You are the user in this talk. Write what you say next, about something new.",
    "Continue the talk with one short message of the user. Refer to what was said by words such as it, that or there.",
)
class FollowUp(dspy.Signature):
    """Write the user's next message in this talk about the document. It takes up what was said, so that it can only be
    understood after it, and it asks for something that has not been told yet. Write as the user, who has not read the
    document. What the message does is given as its kind."""

    document: str = dspy.InputField(desc="what the talk is about")
    history: str = dspy.InputField(desc="the talk so far")
    kind: str = dspy.InputField(desc="what the message does")
    message: str = line("one message of 4 to 25 words")


@also("Would a user say this next? It must take up the talk and ask for something new. Reply with one word, yes or no.")
class JudgeTurn(dspy.Signature):
    """You check the next message of a user in a talk with an assistant. A message is good if it takes up what was said
    before, if every word such as it, that or they has something to point to, and if it asks for what has not been told
    yet. It is bad if the user has said it before, if an answer has told it already, if it starts another subject, or if
    it sounds like the assistant."""

    question: str = dspy.InputField(desc="the talk so far")
    answer: str = dspy.InputField(desc="the user's next message, to check")
    verdict: YesNo = dspy.OutputField(
        desc="Is this a good next message of the user in this talk? Reply with one word: yes or no."
    )
