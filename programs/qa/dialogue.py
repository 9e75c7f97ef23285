"""dialogue: a talk of a user and an assistant about a document, each answer of which rests on the document alone."""

import random
import re
from collections.abc import Sequence
from typing import Any, Literal

import dspy
from pydantic import Field

from programs.core.checks import ANSWER, ON_TOPIC, of_each_view
from programs.core.feed import ChunkFeed, FeedInput
from programs.core.kinds import Chat
from programs.core.options import PassageOptions
from programs.core.program import Program
from programs.core.recipe import Recipe, Seed
from programs.core.row import Candidate, Drop, Exchange, Message, Source
from programs.core.step import Step
from programs.core.talk import TELLING, ExchangeView, Turn, repeated_answer, repeated_message, talk
from programs.core.text import copied_run
from programs.judges.judge import Judge
from signatures.qa.dialogue import BEYOND, KINDS, NO_TALK, FollowUp, JudgeTurn, OpenDialogue, Reply

OPEN = "open"  # the kind of the first message
FEWEST = 2  # exchanges of a row
_LABEL = re.compile(r"^(?:User|Assistant|Kind|Message): ", re.MULTILINE)
Context = Literal["user", "system", "none"]


class DialogueOptions(PassageOptions):
    """The options of dialogue."""

    exchanges: int = Field(3, ge=FEWEST, le=5)
    """Messages of the user in a row, each with its answer; a talk that goes wrong is shorter (ours)."""
    beyond: float = Field(0.15, ge=0, le=1)
    """The share of later messages that ask for what the document does not say (ours)."""
    context: Context = "user"
    """Where the document stands in `messages`: at the beginning of the user's first message, in a system message, or
    nowhere (ours)."""


class Dialogue(Chat, document="passage"):
    """A talk about a passage. Its prompt is the talk up to the last answer."""

    passage: str = ""
    exchanges: list[Turn] = Field(default_factory=list)
    context: Context = "user"

    @property
    def prompt(self) -> str:
        return self.views()[-1].request if self.exchanges else ""

    @property
    def response(self) -> str:
        return self.exchanges[-1].answer if self.exchanges else ""

    @property
    def novelty_key(self) -> str:
        return self.exchanges[0].message if self.exchanges else ""

    def texts(self) -> list[str]:
        return [text for turn in self.exchanges for text in (turn.message, turn.answer)]

    def views(self) -> list[ExchangeView]:
        places = range(len(self.exchanges))
        return [
            ExchangeView(
                passage=self.passage, history=talk(self.exchanges[:place]), **self.exchanges[place].model_dump()
            )
            for place in places
        ]

    def messages(self) -> list[Message]:
        texts, passage = self.texts(), self.passage
        if self.context == "user" and texts:
            texts[0] = f"{passage}\n\n{texts[0]}"
        system = [Message(role="system", content=passage)] if self.context == "system" else []
        return system + [Message(role=("user", "assistant")[i % 2], content=text) for i, text in enumerate(texts)]


class DialogueSeed(Seed, row=Dialogue, group="source"):
    """A talk that a person wrote about a passage."""

    source: str = Field(description="the document the passage is from; seeds of one document stay together")
    document: str = Field(min_length=1, description="the passage")
    exchanges: list[Turn] = Field(min_length=FEWEST)


class DialogueProgram(Program):
    """document, kinds -> a talk: a first message and its answer, then one message of each kind and its answer.

    Each message and each answer meets the checks before the next call is paid. The first that fails ends the talk after
    the exchange before it; a talk of fewer than FEWEST good exchanges is dropped, and shows the one that failed.
    """

    row = Dialogue
    options: DialogueOptions = DialogueOptions()

    def __init__(self, options: DialogueOptions | None = None) -> None:
        super().__init__(options)
        self.open_dialogue = Step(OpenDialogue)
        self.reply = Step(Reply)
        self.follow_up = Step(FollowUp)

    async def aforward(self, document: str = "", kinds: Sequence[str] = ("deepen", "clarify")) -> dspy.Prediction:
        dialogue = Dialogue(passage=document, context=self.options.context)
        for kind in (OPEN, *kinds):
            exchange = ExchangeView(passage=document, history=talk(dialogue.exchanges), kind=kind)
            is_good = await self._exchange(exchange)
            if not is_good and len(dialogue.exchanges) >= FEWEST:
                break
            dialogue.exchanges += (
                [Turn(**exchange.model_dump(include=set(Turn.model_fields)))] if exchange.message else []
            )
            dialogue.dropped = exchange.dropped
            if not is_good:
                break
        return dspy.Prediction(candidates=[dialogue])

    async def _exchange(self, exchange: ExchangeView) -> bool:
        """Write the message and its answer. Returns False if one of them is bad."""
        name, inputs = "open_dialogue", {"document": exchange.passage}
        if exchange.kind != OPEN:
            name, inputs = "follow_up", {**inputs, "history": exchange.history, "kind": described(exchange.kind)}
        if not await self.fill(exchange, name, **inputs):
            return False
        await self.follow(name, exchange)
        return exchange.dropped is None

    async def follow(self, name: str, candidate: Candidate) -> None:
        if name != "reply" and isinstance(candidate, ExchangeView):
            inputs = {"document": candidate.passage, "history": candidate.history, "message": candidate.message}
            await self.fill(candidate, "reply", **inputs)

    def read(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> list[Candidate]:
        kind = {"open_dialogue": OPEN, "follow_up": inputs.get("kind", "").split(":")[0]}.get(name, "")
        exchange = ExchangeView(passage=inputs.get("document", ""), kind=kind)
        exchange.take({field: value for field, value in {**inputs, **outputs}.items() if field != "kind"})
        return [exchange]


def described(kind: str) -> str:
    """A kind of message with what it means, as prompts show it."""
    return f"{kind}: {KINDS[kind]}"


class DialogueFeed(ChunkFeed):
    """Windows in a shuffled order; the kinds of the messages are dealt to each, no kind twice but `beyond`."""

    def __init__(self, feed_input: FeedInput) -> None:
        super().__init__(feed_input)
        self._seed, self._options = feed_input.seed, feed_input.options

    def source_at(self, position: int) -> Source | None:
        source = super().source_at(position)
        if source is None:
            return None
        chance, others = random.Random(f"{self._seed}|{position}|kinds"), [kind for kind in KINDS if kind != BEYOND]
        dealt = chance.sample(others, self._options.exchanges - 1)
        kinds = [BEYOND if chance.random() < self._options.beyond else kind for kind in dealt]
        return source.model_copy(update={"inputs": {**source.inputs, "kinds": kinds}})


def examples(seeds: Sequence[DialogueSeed], options: DialogueOptions) -> dict[str, list[dspy.Example]]:
    """One example an exchange. Messages are compiled without labels (many are right), answers against people's."""

    def example(exchange: ExchangeView, source: str, *inputs: str) -> dspy.Example:
        values = exchange.model_dump(include={"history", "message", "answer"}) | {"document": exchange.passage}
        kind = {"kind": described(exchange.kind)} if exchange.kind in KINDS else {}
        return dspy.Example(**values, **kind, group=source).with_inputs(*inputs)

    exchanges = [(exchange, seed.group) for seed in seeds for exchange in seed.row.views()]
    later = [pair for pair in exchanges if pair[0].kind != OPEN and (pair[0].kind != BEYOND or options.beyond)]
    return {
        "open_dialogue": [example(*pair, "document") for pair in exchanges if pair[0].kind == OPEN],
        "reply": [example(*pair, "document", "history", "message") for pair in exchanges],
        "follow_up": [example(*pair, "document", "history", "kind") for pair in later],
    }


def template_words(exchange: ExchangeView) -> Drop | None:
    """A message with the marks of a talk, or with the words that told its kind."""
    meanings = (copied_run(exchange.message, meaning) for meaning in KINDS.values())
    if match := _LABEL.search(exchange.message):
        run = match[0]
    elif len(longest := max(meanings, key=len)) > TELLING:
        run = " ".join(longest)
    else:
        return None
    return Drop(step="follow_up", reason="template words", detail=f"it says {run!r}")


def wrongly_declined(exchange: ExchangeView) -> Drop | None:
    """An answer to a message that the document should not answer, or none to one that it should."""
    if not exchange.answer or not exchange.kind or exchange.refuses == (exchange.kind == BEYOND):
        return None
    reason = "answered beyond the document" if exchange.kind == BEYOND else "unanswerable message"
    return Drop(step="reply", reason=reason, detail=f"{exchange.message} / {exchange.answer}")


TALK = (template_words, repeated_message, repeated_answer, wrongly_declined)
"""What each exchange must pass."""


def turn() -> Judge:
    """The judge of a message that follows others: whether a user would say it next."""
    return Judge("turn", JudgeTurn, view=_after_the_talk, negatives=["another text"])


def _after_the_talk(exchange: ExchangeView) -> Exchange | None:
    if exchange.history == NO_TALK:
        return None
    return Exchange(text=exchange.passage, asked=exchange.history, said=exchange.message)


RECIPE = Recipe(
    name="dialogue",
    paper="grounded talks in several turns (ours)",
    gives="talk of a user and an assistant resting on a passage",
    reads="windows",
    seed=DialogueSeed,
    program=DialogueProgram,
    feed=DialogueFeed,
    examples=examples,
    labelled={"reply": "like"},
    judges=("correct", turn),
    checks=(*ANSWER, *map(of_each_view, TALK), *ON_TOPIC),
)
