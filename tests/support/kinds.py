"""A row of every kind, as a recipe subclasses it, with texts of its own; and how such rows are drawn."""

from collections.abc import Sequence

from hypothesis import strategies as st
from pydantic import Field

from programs.core.kinds import KINDS, Chat, Labelled, Preference, Prompt, Ranked, Stepwise, Text
from programs.core.row import Candidate, Exchange


class Rephrased(Chat, document="text", prompt="asked", response="said"):
    """A chat on a document. `parent` is a text that it may repeat."""

    text: str | None = None
    asked: str = ""
    said: str = ""
    parent: str = ""

    @property
    def given(self) -> list[str]:
        return [self.parent]


class Dialogue(Rephrased):
    """A row whose views are its exchanges."""

    turns: list[Exchange] = Field(default_factory=list)

    def views(self) -> Sequence[Candidate]:
        return self.turns


class Task(Prompt, prompt="task"):
    """A prompt without a response, evolved from `parent`."""

    task: str = ""
    parent: str = ""

    @property
    def given(self) -> list[str]:
        return [self.parent]


class Page(Text, prompt="topic", response="page"):
    """A text for language modelling, and what was asked for."""

    topic: str = ""
    page: str = ""


words = st.text(max_size=8)
unit = st.floats(0, 1)
RANKED = st.builds(Ranked, model=words, rank=st.integers(1, 9), answer=words)
ROWS: dict[type[Candidate], st.SearchStrategy[Candidate]] = {
    Chat: st.builds(Rephrased, text=st.none() | words, asked=words, said=words, parent=words),
    Prompt: st.builds(Task, task=words, parent=words),
    Preference: st.builds(
        Preference,
        instruction=words,
        chosen_answer=words,
        rejected_answer=words,
        score_chosen=unit,
        score_rejected=unit,
        probability=st.none() | unit,
        models=st.lists(words, min_size=2, max_size=2),
        ranking=st.lists(RANKED, max_size=3),
    ),
    Stepwise: st.builds(
        Stepwise,
        problem=words,
        completions=st.lists(words, max_size=3),
        ratings=st.lists(st.sampled_from([-1, 0, 1]), max_size=3),
        finish_reason=words,
        passing=st.sampled_from([0, 1]),
    ),
    Text: st.builds(Page, topic=words, page=words),
    Labelled: st.builds(Labelled, text=words, label=words, probabilities=st.lists(unit, max_size=3), weight=unit),
}
assert ROWS.keys() == set(KINDS)
