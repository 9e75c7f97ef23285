"""Prints explanations and prompts for people: with styles on a terminal, with marks elsewhere."""

import itertools
import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from seedbed.reports.calls import Call
from seedbed.reports.explain import Explanation, Parent, Passage, SourceSpan
from seedbed.reports.prompts import Prompt
from seedbed.terminal import readable

HEAD, DIM, CITED, WORD, SLOT = "bold cyan", "dim", "green", "bold underline green", "bold magenta"
LOW = 0.5  # below this score a part of the evidence speaks against a row


class Page:
    """A place to print to, by default stdout."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._styled = self._console.is_terminal and not self._console.no_color

    def explanation(self, explanation: Explanation) -> None:
        """A row or a rejected candidate."""
        verdict = Text("accepted", "bold green")
        if drop := explanation.rejected:
            reason = f"rejected at {drop.step}: {drop.reason}, {drop.detail}"
            verdict = Text(reason.removesuffix(", "), "bold red")
        self._line(Text(f"{explanation.id}  ", "bold"), verdict, f"  score {explanation.score:.2f}")
        judges = ", ".join(explanation.judges) or "none"
        self._line(Text(f"{explanation.recipe}, teacher {explanation.teacher}, judges {judges}", DIM))
        metric = explanation.metric or "unknown"
        self._line(Text(f"program {explanation.program}, metric {metric}, {_cost(explanation)}", DIM))
        self._passage(explanation.source)
        self._parents(explanation.parents)
        self._part("prompt", explanation.prompt)
        self._part("response", explanation.response)
        self._scores(explanation)
        self._calls(explanation.calls)

    def prompt(self, prompt: Prompt) -> None:
        """A predictor's prompt, with `<name>` where an input goes."""
        demos = f"{len(prompt.demos)} demo{'s' * (len(prompt.demos) != 1)}"
        if prompt.nearest:
            demos += f" of {prompt.nearest}, those nearest to the inputs (here the first)"
        size = f"{prompt.characters:,} characters, about {prompt.tokens:,} tokens"
        self._head(f"{prompt.step}: {prompt.format}, {demos}, {size}")
        self._demos(prompt.demos)
        for message in prompt.messages:
            self._line(Text(f"[{message['role']}]", DIM))
            text = Text(message["text"])
            text.highlight_words([f"<{name}>" for name in prompt.inputs], SLOT)
            self._line(text)

    def say(self, line: str) -> None:
        """A remark."""
        self._line(Text(line, DIM))

    def _passage(self, source: Passage) -> None:
        self._head(f"source: {'; '.join(map(_span, source.spans)) or source.id}")
        if source.text is None:
            return self._line(Text("no document: what it was made from stands in the prompts below", DIM))
        self._line(self._marked(source))
        if count := len(source.found) + len(source.missing):
            missing = f"; not there: {', '.join(source.missing)}" if source.missing else ""
            self._line(Text(f"{len(source.found)} of {count} words of the response stand in it{missing}", DIM))
        return None

    def _parents(self, parents: Sequence[Parent]) -> None:
        """The rows it was made from, those of one run in one line."""
        for rows, group in itertools.groupby(parents, lambda parent: parent.rows):
            where = f" of {rows}" if rows else ", whose run is not known"
            self._line(Text(f"made from {', '.join(parent.id for parent in group)}{where}", DIM))

    def _marked(self, source: Passage) -> Text:
        """The passage with marks around the cited sentences, and the response's words in them."""
        assert source.text is not None
        words = (
            re.compile(rf"\b(?:{'|'.join(map(re.escape, source.found))})\b", re.IGNORECASE) if source.found else None
        )
        marked, end = Text(), 0
        for start, stop in source.cited:
            sentence = Text(source.text[start:stop], CITED)
            if words:
                sentence.highlight_regex(words, WORD)
            around = ("", "") if self._styled else (">>", "<<")
            marked.append(source.text[end:start] + around[0]).append_text(sentence).append(around[1])
            end = stop
        return marked.append(source.text[end:])

    def _scores(self, explanation: Explanation) -> None:
        self._head("scores")
        parts = [*(score["part"] for score in explanation.scores), *explanation.unscored]
        width = max(map(len, parts), default=0)
        for score in explanation.scores:
            # a judge always has a reason to show, evidence only where it is low
            reason = score["reason"] if score["part"] in explanation.judges or score["score"] < LOW else None
            self._line(f"{score['part']:<{width}}  {score['score']:>8.2f}  {reason or ''}".rstrip())
        for judge, reason in explanation.unscored.items():
            self._line(f"{judge:<{width}}  unscored  {reason}".rstrip())
        if not parts:
            why = "it was rejected before anything was scored" if explanation.rejected else "its checks need none"
            self._line(Text(f"none: {why}", DIM))

    def _calls(self, calls: Sequence[Call] | None) -> None:
        if calls is None:
            self._line(Text("\nIts calls are not in the run's journal: it failed, or the journal is elsewhere.", DIM))
            return
        shown = [call for call in calls if not call.sibling]
        for number, call in enumerate(shown, 1):
            self._call(number, call)
        if hidden := len(calls) - len(shown):
            self._line(Text(f"\n{hidden} calls made other candidates of the attempt; --json has them too", DIM))

    def _call(self, number: int, call: Call) -> None:
        model = f"{call.alias} ({call.model})" if call.model else call.alias
        usage = f"{call.input_tokens} tokens in, {call.output_tokens} out, {call.seconds:.1f} s"
        self._head(f"call {number}: {call.step}, {model}, temperature {call.temperature or 0:g}, {usage}")
        self._demos(call.demos)
        for message in [*call.messages, {"role": "reply", "text": call.reply}]:
            self._line(Text(f"[{message['role']}]", DIM))
            self._line(message["text"])

    def _demos(self, demos: Sequence[Sequence[str]]) -> None:
        if demos:
            names = "; ".join(" or ".join(seeds) or "no seed's" for seeds in demos)
            self._line(Text(f"demos of {names}", DIM))

    def _part(self, name: str, text: str) -> None:
        self._head(name)
        self._line(text or Text("empty", DIM))

    def _head(self, line: str) -> None:
        self._line("")
        self._line(Text(f"── {line}", HEAD))

    def _line(self, *pieces: str | Text) -> None:
        line = Text().join(Text(piece) if isinstance(piece, str) else piece for piece in pieces)
        line.plain = readable(line.plain)
        self._console.print(line, soft_wrap=not self._console.is_terminal)


def _span(span: SourceSpan) -> str:
    """A span in words: the document, its characters, the headings above them."""
    return " › ".join([f"{span.document}, characters {span.start} to {span.end}", *(span.headings or [])])


def _cost(explanation: Explanation) -> str:
    dollars = "cost unknown" if explanation.dollars is None else f"${explanation.dollars:.4f}"
    candidates = explanation.candidates or 1
    share = f", its share as one of {candidates} candidates" if candidates > 1 else ""
    return f"{explanation.input_tokens:,} tokens in, {explanation.output_tokens:,} out, {dollars}{share}"
