"""A row on its way into a trainer's file: its columns, without what the file does not take."""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from programs.core.kinds import Chat, Labelled, Preference, Prompt, Stepwise, Text, kind_of, without_document
from programs.core.row import Candidate

View = Literal["open", "closed", "both"]
Neutral = Literal["true", "false", "drop"]
Messages = list[dict[str, Any]]

_UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")


@dataclasses.dataclass(frozen=True)
class Example:
    """A row or a rejected candidate.

    Attributes:
        id: of the row. run: the name of its folder. kind: the kind of row. columns: those that a trainer reads, by the
        names of the kind. document: the text that it rests on. input: what an instruction is to be done on, if the
        recipe keeps it apart. refuses: an answer of it says that the document does not answer. reason: for which it was
        rejected; None if it was accepted. called: whether people called it good; None if nobody was asked. lineage:
        where it comes from. split: train or validation.
    """

    id: str
    run: str
    kind: type[Candidate]
    columns: Mapping[str, Any]
    document: str
    input: str
    refuses: bool
    reason: str | None
    called: bool | None
    lineage: Mapping[str, Any]
    split: str

    @classmethod
    def of(
        cls, row: Mapping[str, Any], candidate: Candidate, *, run: str, split: str, called: bool | None
    ) -> "Example":
        """The example of a row as it is stored, and the candidate that became it."""
        kind, columns = kind_of(type(candidate)), candidate.columns()
        return cls(
            row["id"],
            run,
            kind,
            {name: _stripped(columns[name]) for name in kind.Base.model_fields},
            (candidate.document or "").strip(),
            str(getattr(candidate, "input", "")).strip(),
            any(view.refuses for view in candidate.views()),
            row.get("reason"),
            called,
            row["lineage"],
            split,
        )

    @property
    def good(self) -> bool:
        """It was accepted."""
        return self.reason is None

    @property
    def messages(self) -> Messages:
        """The conversation of a chat."""
        return list(self.columns["messages"])

    def views(self, view: View) -> Iterator["Example"]:
        """The row with its document in the prompt (open), without it (closed), or both. A row that says that the
        document does not answer has no closed view, nor has one whose conversation does not begin with it."""
        rests = self.kind is Chat and bool(self.document)
        if view != "closed" or not rests:
            yield self
        if view != "open" and rests and not self.refuses:
            closed = without_document(self.messages, self.document)
            yield from [dataclasses.replace(self, columns={"messages": closed})] if closed else []

    def instructed(self, text: str) -> "Example":
        """The row with a system message, before the one that it has already; as it is if it is no conversation."""
        name = next((name for name in ("messages", "prompt") if isinstance(self.columns.get(name), list)), None)
        if not text or not name:
            return self
        system, rest = _parted(self.columns[name])
        content = "\n\n".join(filter(None, (text, system)))
        messages = [{"role": "system", "content": content}, *rest]
        return dataclasses.replace(self, columns={**self.columns, name: messages})

    def labelled(self, neutral: Neutral) -> "Example":
        """A solution whose neutral steps count as right (true) or wrong (false), or which ends before the first of
        them (drop). PRM800K's best scoring counts them as right (Lightman et al. 2023, appendix F)."""
        ratings = self.columns["ratings"]
        kept = ratings.index(0) if neutral == "drop" and 0 in ratings else len(ratings)
        labels = [rating > 0 or (rating == 0 and neutral == "true") for rating in ratings[:kept]]
        steps = {"completions": self.columns["completions"][:kept], "labels": labels, "ratings": ratings[:kept]}
        return dataclasses.replace(self, columns={**self.columns, **steps})

    def fault(self) -> str | None:
        """Why no trainer should read it; None if it is sound."""
        texts = list(_texts(self))
        if not all(text.strip() for text in texts):
            return "a text of it is empty"
        if self.kind is Stepwise and not self.columns["completions"]:
            return "it has no step"
        if any(_UNPRINTABLE.search(text) for text in texts):
            return "it holds a NUL character or half a surrogate pair"
        if self.kind is Chat and not _alternates(self.messages):
            return "its messages do not alternate between user and assistant, and end with the assistant's"
        if self.kind is Preference and self.columns["chosen"] == self.columns["rejected"]:
            return "its chosen and its rejected answer are the same"
        return None


def _parted(messages: Messages) -> tuple[str, Messages]:
    """The text of the system message, empty if there is none, and the other messages."""
    is_first = bool(messages) and messages[0]["role"] == "system"
    return (messages[0]["content"], messages[1:]) if is_first else ("", messages)


def _texts(example: Example) -> Iterator[str]:
    columns = example.columns
    if example.kind in (Text, Labelled):
        yield columns["text"]
        yield from [columns["label"]] if example.kind is Labelled else []
    elif example.kind is Stepwise:
        yield columns["prompt"]
        yield from columns["completions"]
    else:
        names = {Chat: ["messages"], Prompt: ["prompt"], Preference: ["prompt", "chosen", "rejected"]}[example.kind]
        yield from (message["content"] for name in names for message in columns[name])


def _alternates(messages: Sequence[Mapping[str, Any]]) -> bool:
    roles = [message["role"] for message in messages]
    roles = roles[1:] if roles[:1] == ["system"] else roles
    expected = ["user", "assistant"] * (len(roles) // 2)
    return bool(roles) and roles == expected


def _stripped(value: Any) -> Any:
    """The value without blanks around its texts."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    return {name: _stripped(item) for name, item in value.items()} if isinstance(value, dict) else value
