"""A refusal is no row, in whatever words and language; a text that speaks of refusing is no refusal."""

import pytest
from support.faults import fault

from programs.core.instance import Instance
from programs.core.row import Exchange

REFUSALS = [
    "I'm sorry, but I can't assist with that.",
    "I’m sorry, but I can’t assist with that request.",
    "I'm sorry, but I cannot fulfill this request.",
    "I cannot fulfil your request.",
    "I am unable to help with this.",
    "I'm unable to assist with this request.",
    "Sorry, I can't help you with that.",
    "Sorry, but I can't do that.",
    "I won't be able to help with that.",
    "As an AI, I don't have personal opinions.",
    "As an AI language model, I cannot browse the internet.",
    "I don't have personal opinions or beliefs.",
    "Unfortunately, I cannot provide medical advice.",
    "I apologize, but I'm not able to generate that kind of content.",
    "I must decline this request.",
    "I can't help with that",
    "**I'm sorry, but I can't comply with that request.**",
    "Es tut mir leid, aber ich kann dir dabei nicht helfen.",
    "Leider kann ich diese Anfrage nicht beantworten.",
    "Als KI-Sprachmodell habe ich keine Meinung.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "Lo siento, no puedo cumplir con esta solicitud.",
    "Como modelo de lenguaje, no tengo opiniones.",
    "Désolé, mais je ne peux pas vous aider avec cela.",
    "很抱歉，我无法帮助您完成这个请求。",
    "抱歉，我不能提供这方面的信息。",
    "作为一个人工智能，我没有个人意见。",
    "क्षमा करें, मैं इसमें सहायता नहीं कर सकता।",
    "申し訳ありませんが、お手伝いできません。",
]
REFUSALS += [
    "I\u200b'm sorry, but I can't help with that.",
    "**I'm sorry**, but I can't help with that.",
    "I\u2019m __sorry__, I can't do that.",
    "I'm afraid I can't do that.",
    "I'm afraid that I cannot help with this.",
    "I'm sorry, but as an AI language model, I don't have access to it.",
    "I'm very sorry. As an AI, I cannot browse the internet.",
    "I decline to answer.",
    "I must respectfully decline to help with this.",
    "I refuse to write that.",
    "I don't feel comfortable writing that.",
    "Es tut mir leid, aber dabei kann ich nicht helfen.",
    "Das kann ich nicht beantworten.",
    "Leider kann ich Ihnen damit nicht weiterhelfen.",
    "Lo siento, no puedo.",
    "Lo siento, pero no puedo hacer eso.",
    "Hmm, I can't help with that.",
    "Well... I cannot assist with this request.",
    "I'd rather not answer that.",
    "I would prefer not to.",
    "Unable to comply.",
    "Unable to assist with that request.",
]
ANSWERS = [
    "Unable to comply with the new rules, the mill was shut.",
    "Well water is tested twice a year.",
    "I would rather not swim than pay, he wrote.",
    "The keeper declined and said that he could not help with that.",
    "'I can't assist with that', the clerk said, and shut the window.",
    "I cannot help but smile when the geese come back in spring.",
    "I can't wait to see the lamp lit again.",
    "Dear Ann, I'm sorry, but I can't come to the lunch on Friday.",
    "Sorry, we are closed on Mondays.",
    "I am sorry for the delay; your parcel will arrive on Friday.",
    "A refusal must be polite: say that you are unable to help, and why.",
    "Unfortunately, the ferry does not run in winter.",
    "Leider fährt die Fähre im Winter nicht.",
    "Lo siento, la biblioteca no abre los lunes.",
    "The document does not say.",
    "It cannot provide power to the second lamp.",
    "We cannot give a refund after 30 days.",
    "I'm afraid I can't find my keys.",
    "I'm afraid of geese, so I walked round the pond.",
    "I refuse to let the lamp go out, the widow wrote.",
    "I decline to sell the boat before spring.",
    "I don't feel comfortable in small boats.",
    "Das kann ich nicht oft genug sagen: der See ist kalt.",
    "Lo siento, no puedo ir a la cena del viernes.",
    "I'm sorry, but as an aid to sailors the lamp is too dim.",
]


@pytest.mark.parametrize("said", REFUSALS)
def test_a_refusal_is_one_in_every_recipe(said: str) -> None:
    rows = [
        Exchange(asked="How is a kettle made of copper?", said=said),
        Exchange(text="The lamp was lit in 1906 by the widow.", asked="When was the lamp lit by the widow?", said=said),
        Exchange(text="The lamp was lit in 1906 by the widow.", asked=said),
        Instance(instruction="Describe an old barometer for pupils.", output=said),
        Instance(instruction=said),
        Instance(instruction="Say whether a bird is named.", input=said, output="no"),
    ]
    assert [drop and drop.reason for drop in map(fault, rows)] == ["refusal"] * len(rows)


@pytest.mark.parametrize("said", ANSWERS)
def test_an_answer_that_speaks_of_refusing_is_none(said: str) -> None:
    drop = fault(Exchange(asked="Tell me about a day at the reservoir.", said=said))
    assert drop is None, drop


def test_a_refusal_that_the_document_or_the_task_holds_is_quoted() -> None:
    said = "I'm sorry, but I can't help you with that."
    quoting = Exchange(
        text=f'The clerk wrote: "{said}"', asked="What did the clerk write to the miller that day?", said=said
    )
    german = "Es tut mir leid, aber ich kann dir dabei nicht helfen."
    translating = Instance(instruction="Put this into German.", input=f"The clerk: {said}", output=german)
    assert fault(quoting) is None
    assert fault(translating) is None
