"""Explanations and prompts laid out for a person: styled on a terminal, with marks in their place elsewhere."""

import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from seedbed.reports.explain import Explanation, Passage
from seedbed.reports.prompts import Prompt
from seedbed.runs.calls import Call
from seedbed.terminal import readable

HEAD, DIM, CITED, WORD, SLOT = "bold cyan", "dim", "green", "bold underline green", "bold magenta"
LOW = 0.5  # the score below which a part of the evidence speaks against a row


class Page:
    """A place to print to, by default stdout."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._styled = self._console.is_terminal and not self._console.no_color

    def explanation(self, one: Explanation) -> None:
        """A row or a rejected candidate."""
        verdict = Text("accepted", "bold green")
        if one.rejected:
            said = f"rejected at {one.rejected.step}: {one.rejected.reason}, {one.rejected.detail}"
            verdict = Text(said.removesuffix(", "), "bold red")
        self._line(Text(f"{one.id}  ", "bold"), verdict, f"  score {one.score:.2f}")
        judges = ", ".join(one.judges) or "none"
        self._line(Text(f"{one.recipe}, teacher {one.teacher}, judges {judges}", DIM))
        self._line(Text(f"program {one.program}, metric {one.metric or 'unknown'}, {_spent(one)}", DIM))
        self._passage(one.source)
        self._part("prompt", one.prompt)
        self._part("response", one.response)
        self._scores(one)
        self._calls(one.calls)

    def prompt(self, one: Prompt) -> None:
        """A predictor's prompt, with `<name>` where an input goes."""
        demos = f"{len(one.demos)} demo{'s' * (len(one.demos) != 1)}"
        if one.nearest:
            demos += f" of {one.nearest}, those nearest to the inputs (here the first)"
        self._head(f"{one.step}: {one.format}, {demos}, {one.characters:,} characters, about {one.tokens:,} tokens")
        self._demos(one.demos)
        for message in one.messages:
            self._line(Text(f"[{message['role']}]", DIM))
            text = Text(message["text"])
            text.highlight_words([f"<{name}>" for name in one.inputs], SLOT)
            self._line(text)

    def say(self, line: str) -> None:
        """A remark."""
        self._line(Text(line, DIM))

    def _passage(self, source: Passage) -> None:
        place = f"{source.document}, characters {source.start} to {source.end}" if source.document else source.id
        self._head(" › ".join([f"source: {place}", *source.headings]))
        if source.text is None:
            return self._line(Text("no document: what it was made from stands in the prompts below", DIM))
        self._line(self._marked(source))
        if said := len(source.found) + len(source.missing):
            missing = f"; not there: {', '.join(source.missing)}" if source.missing else ""
            self._line(Text(f"{len(source.found)} of {said} words of the response stand in it{missing}", DIM))
        return None

    def _marked(self, source: Passage) -> Text:
        """The passage with its cited sentences, and in them the response's words."""
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

    def _scores(self, one: Explanation) -> None:
        self._head("scores")
        width = max([len(score["part"]) for score in one.scores] + [len(judge) for judge in one.unscored], default=0)
        for score in one.scores:
            # evidence says what is wrong where it is low, a judge why in any case
            said = score["reason"] if score["part"] in one.judges or score["score"] < LOW else None
            self._line(f"{score['part']:<{width}}  {score['score']:>8.2f}  {said or ''}".rstrip())
        for judge, reason in one.unscored.items():
            self._line(f"{judge:<{width}}  unscored  {reason}".rstrip())
        if not one.scores and not one.unscored:
            self._line(Text("none: it was out before anything was scored", DIM))

    def _calls(self, calls: Sequence[Call] | None) -> None:
        if calls is None:
            self._line(Text("\nIts calls are not in the run's journal: it failed, or the journal is elsewhere.", DIM))
            return
        shown = [call for call in calls if not call.sibling]
        for number, call in enumerate(shown, 1):
            self._call(number, call)
        if left := len(calls) - len(shown):
            self._line(Text(f"\n{left} calls made other candidates of the attempt; --json has them too", DIM))

    def _call(self, number: int, call: Call) -> None:
        model = f"{call.alias} ({call.model})" if call.model else call.alias
        took = f"{call.input_tokens} tokens in, {call.output_tokens} out, {call.seconds:.1f} s"
        self._head(f"call {number}: {call.step}, {model}, temperature {call.temperature or 0:g}, {took}")
        self._demos(call.demos)
        for message in [*call.messages, {"role": "reply", "text": call.reply}]:
            self._line(Text(f"[{message['role']}]", DIM))
            self._line(message["text"])

    def _demos(self, demos: Sequence[Sequence[str]]) -> None:
        if demos:
            said = "; ".join(" or ".join(seeds) or "no seed's" for seeds in demos)
            self._line(Text(f"demos of {said}", DIM))

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


def _spent(one: Explanation) -> str:
    dollars = "cost unknown" if one.dollars is None else f"${one.dollars:.4f}"
    shared = f", its share as one of {one.candidates} candidates" if (one.candidates or 1) > 1 else ""
    return f"{one.input_tokens:,} tokens in, {one.output_tokens:,} out, {dollars}{shared}"
