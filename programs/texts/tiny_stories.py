"""tiny-stories: stories for small children that must have three given words (Eldan and Li 2023, section 2)."""

import random
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

import dspy
from pydantic import Field

from programs.core.checks import PLAIN_TEXT
from programs.core.dealing import Combinations
from programs.core.feed import FeedInput, Quiet
from programs.core.inflection import bases, occurs
from programs.core.kinds import Text
from programs.core.options import Options, at_least
from programs.core.program import Program
from programs.core.recipe import Recipe, Seed
from programs.core.row import Candidate, Drop, Source, digest
from programs.core.step import Step
from programs.core.text import ENDS, names, plain, sentences, words
from programs.judges.judge import Judge
from signatures.texts.tiny_stories import JudgeStory, Summarise, TellStory

CLASSES = ("verb", "noun", "adjective")
Feature = Literal["dialogue", "conflict", "moral", "foreshadowing", "twist", "bad ending"]
FEATURES = get_args(Feature)
NO_FEATURE = "none"
SAMPLED = 0.8  # the temperature of stories: a long text of the likeliest words repeats itself (Holtzman et al. 2020)
TITLE = 8  # words of a title at most


class TinyStoriesOptions(Options):
    """The options of tiny-stories."""

    words: str = "lists/words.txt"
    """The list of words that stories are given, each after its class: verb, noun or adjective (section 2: about 1,500
    words)."""
    vocabulary: str = "lists/vocabulary.txt"
    """The list of words that the reader of the stories knows (ours)."""
    features: int = Field(3, ge=0, le=len(FEATURES))
    """The features of a story at most, such as a dialogue or a bad ending (section 2 has no number; ours)."""
    instruct: bool = False
    """Write before each story its words, its features, a summary and one of its sentences (section 2.1)."""
    known: float = Field(0.95, ge=0, le=1)
    """The share of a story's words that must be in the vocabulary; names count as known (ours)."""
    shortest: int = Field(80, ge=1)
    """The words of a story at least (ours)."""
    longest: Annotated[int, at_least("shortest")] = Field(300, ge=1)
    """The words of a story at most (ours)."""

    @property
    def length(self) -> str:
        """The length of a story, as a prompt says it."""
        return f"{self.shortest} to {self.longest} words"


class Story(Text, response="story"):
    """A story, with the verb, the noun and the adjective that it must have, in this order."""

    words: list[str] = Field(default_factory=list)
    features: list[str] = Field(default_factory=list)
    story: str = ""
    summary: str = ""

    def take(self, values: dict[str, Any]) -> None:
        """A title is left out: it is no part of the story, and a word that stands in it alone does not count."""
        super().take(values)
        if "story" in values:
            self.story = without_title(self.story)

    @property
    def prompt(self) -> str:
        return f"Words: {', '.join(self.words)}. Features: {listed(self.features)}." if self.words else ""

    def base(self) -> dict[str, Any]:
        """The story; with a summary, the layout of TinyStories-Instruct (section 2.1)."""
        if not self.summary:
            return super().base()
        parts = {
            "Words": ", ".join(self.words),
            "Features": listed(self.features),
            "Summary": self.summary,
            "Sentence": random.Random(self.story).choice(sentences(self.story)),
        }
        return {"text": "\n".join([*(f"{name}: {part}" for name, part in parts.items()), "Story:", self.story])}


class StorySeed(Seed, row=Story):
    """A story that a person wrote with three words and some features."""

    words: list[str] = Field(min_length=3, max_length=3, description="a verb, a noun and an adjective")
    features: list[Feature] = Field(default_factory=list)
    story: str = Field(min_length=1, description="the story, without a title")
    summary: str = Field("", description="one or two sentences; for `options.instruct`")


class TinyStories(Program):
    """words, features -> story; with `options.instruct` also -> summary."""

    row = Story
    options: TinyStoriesOptions = TinyStoriesOptions()

    def __init__(self, options: TinyStoriesOptions | None = None) -> None:
        super().__init__(options)
        self.tell = Step(TellStory, temperature=SAMPLED)
        self.summarise = Step(Summarise)

    async def aforward(self, words: Sequence[str] = (), features: Sequence[str] = ()) -> dspy.Prediction:
        story = Story(words=[*words], features=[*features])
        if await self.fill(story, "tell", **asked(words, features, self.options)):
            await self.follow("tell", story)
        return dspy.Prediction(candidates=[story])

    async def follow(self, name: str, candidate: Candidate) -> None:
        if name != "tell":
            return
        candidate.dropped = self._length(candidate)
        if self.options.instruct and not candidate.dropped:
            await self.fill(candidate, "summarise", story=candidate.response)

    def read(self, name: str, inputs: dict[str, Any], outputs: dict[str, Any]) -> list[Candidate]:
        if name == "summarise":
            return [Story(story=inputs["story"], summary=outputs["summary"])]
        features = [] if inputs["features"] == NO_FEATURE else inputs["features"].split(", ")
        story = Story(words=inputs["words"].split(", "), features=features)
        story.take(outputs)
        return [story]

    def _length(self, story: Candidate) -> Drop | None:
        """The rejection of a story that is too short or too long."""
        number = len(words(story.response))
        if self.options.shortest <= number <= self.options.longest:
            return None
        return Drop(step="tell", reason="length", detail=f"{number} words; a story has {self.options.length}")


class Triples(Quiet):
    """A verb, a noun, an adjective and some features for each position. No three words come twice; there is no source
    after the last triple."""

    def __init__(self, feed_input: FeedInput) -> None:
        lists = {source.inputs["name"]: source.inputs["items"] for source in feed_input.sources}
        chance = random.Random(feed_input.seed)
        entries = [entry.lower().split() for entry in lists.get("words", [])]
        if strange := next((entry for entry in entries if len(entry) != 2), None):
            raise ValueError(f"words: {' '.join(strange)!r} is not a class (verb, noun, adjective) and one word")
        of_class = [sorted({word for kind, word in entries if kind == of}) for of in CLASSES]
        self._triples = Combinations([chance.sample(words, len(words)) for words in of_class])
        self._vocabulary = frozenset(lists.get("vocabulary", []))
        self._seed, self._options = feed_input.seed, feed_input.options

    def source_at(self, position: int) -> Source | None:
        if position >= len(self._triples):
            return None
        triple, chance = self._triples[position], random.Random(f"{self._seed}|{position}")
        features = chance.sample(FEATURES, chance.randint(0, self._options.features))
        return Source(
            id=digest("story", *triple, *features),
            group=" ".join(triple),
            inputs={"words": triple, "features": features},
        )

    def accepts(self, source: Source, row: Any) -> Drop | None:
        """Only a story whose words are known to its reader, but for a few."""
        forms, named = words(row.story), {word for name in names(row.story) for word in words(name)}
        strange = [form for form in forms if form not in named and not self._vocabulary & bases(form)]
        if 1 - len(strange) / max(1, len(forms)) >= self._options.known:
            return None
        return Drop(step="vocabulary", reason="hard words", detail=", ".join(dict.fromkeys(strange)))


def asked(words: Sequence[str], features: Sequence[str], options: TinyStoriesOptions) -> dict[str, str]:
    """The inputs of `tell`."""
    return {"words": ", ".join(words), "features": listed(features), "length": options.length}


def listed(features: Sequence[str]) -> str:
    """The features of a story, as prompts and rows say them."""
    return ", ".join(features) or NO_FEATURE


def examples(seeds: Sequence[StorySeed], options: TinyStoriesOptions) -> dict[str, list[dspy.Example]]:
    """Stories are compiled without labels, since many are right, and summaries against people's if some are wanted."""
    inputs = [(seed, asked(seed.words, seed.features, options)) for seed in seeds]
    summed_up = [seed for seed in seeds if seed.summary and options.instruct]
    return {
        "tell": [seed.example(story=seed.row.story, **told).with_inputs(*told) for seed, told in inputs],
        "summarise": [seed.example("story", summary=seed.summary) for seed in summed_up],
    }


def without_title(story: str) -> str:
    """A story without its title: a first line that says so (`# The Kite`, `Title: The Kite`), or a short one before a
    blank line that ends like no sentence."""
    first, _, rest = story.strip().partition("\n")
    bare = plain(first).strip("*_ ")
    says_so = re.match(r"#|title\s*:", bare, re.IGNORECASE)
    alone = rest.startswith("\n") and len(bare.split()) <= TITLE and not bare.endswith((*ENDS, ",", ";", ":"))
    return rest.strip() if says_so or alone else story.strip()


def lacks_a_word(story: Story) -> Drop | None:
    """The rejection of a story without one of its words in any form."""
    forms = words(story.story)
    absent = [word for word, kind in zip(story.words, CLASSES, strict=False) if not occurs(word, forms, kind)]
    if not forms or not absent:
        return None
    return Drop(step="tell", reason="word missing", detail=f"{', '.join(absent)} does not occur")


def story_judge() -> Judge:
    """Whether a story has right grammar and a plot, and a small child understands it (the paper's grader, section 3,
    gives marks for grammar, creativity and consistency, and tells the child's age)."""
    return Judge("story", JudgeStory, negatives=["cut off"])


RECIPE = Recipe(
    name="tiny-stories",
    paper="TinyStories; Eldan and Li 2023",
    gives="story for a small child, with three given words",
    reads="lists",
    seed=StorySeed,
    program=TinyStories,
    feed=Triples,
    examples=examples,
    labelled={"summarise": "near"},
    judges=(story_judge,),
    checks=(*PLAIN_TEXT, lacks_a_word),
    lists=("words", "vocabulary"),
    reply_tokens=448,
)
