"""Checks what a model can do for a run: a real call per format, and one for each ability that the config claims."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import dspy
from dspy.utils.exceptions import AdapterParseError, LMError, LMInvalidRequestError, LMUnsupportedModelError
from pydantic import BaseModel

from programs.core.background import run_sync
from programs.core.step import Step
from programs.core.tools import using
from programs.formats.formats import formats_of, formats_to_judge
from programs.formats.replies import CUT_OFF, EMPTY, dropped
from programs.judges.judge import JUDGES
from programs.judges.rater import Rater
from seedbed.config.models import ModelEntry
from seedbed.errors import TeacherDown
from seedbed.models.call_context import calling
from seedbed.models.engines.endpoint import EndpointEngine
from seedbed.models.lm import TeacherLM
from seedbed.models.refused import mend
from signatures.judges import JudgeCorrect
from signatures.qa.grounded_qa import AnswerQuestion

ASKED = {"question": "When did the bridge open?"}
TOP = 5  # alternatives for each token, if the config sets none


class Answer(NamedTuple):
    """The result of a call in one format: the answer, or why there is none."""

    format: str
    answer: str
    failure: str = ""


class Shape(BaseModel):
    """What no model says of itself, so that who says it was held to it."""

    colour: Literal["blue"]


class ModelCheck:
    """Real calls to one model. `roles`: the roles that the model has.

    `ok`: whether a run can use the model. `said`: what to know or to do.
    """

    def __init__(self, lm: TeacherLM, entry: ModelEntry, roles: list[str]) -> None:
        self.lm, self.entry, self.roles, self.seconds = lm, entry, roles, 0.0
        with dspy.context(lm=lm), using(trying=True):
            self.answers = [self._ask(form) for form in formats_of(lm)]
            self.notes = [*self._failures(), *self._abilities()] if self.ok else []

    @property
    def ok(self) -> bool:
        """Whether at least one format gave a readable reply."""
        return any(not answer.failure for answer in self.answers)

    @property
    def said(self) -> str:
        """The result in one line."""
        if not self.ok:
            reasons = dict.fromkeys(answer.failure for answer in self.answers)
            return f"{self.entry.model}: {'; '.join(reasons)}"
        answers = [answer for answer in self.answers if not answer.failure]
        formats = ", ".join(answer.format for answer in answers)
        line = f"{self.entry.model} answers: {answers[0].answer!r}, {self.seconds:.1f} s a call, read in {formats}"
        return "; ".join([line, *self.notes])

    def _ask(self, form: str) -> Answer:
        """The answer in one format; each has its own document, lest the journal replays another format's answer.
        Raises errors that no other format could avoid."""
        year, started = 1931 + len(form), time.monotonic()
        try:
            reply = run_sync(Step(AnswerQuestion, form).acall(document=f"The bridge opened in {year}.", **ASKED))
        except AdapterParseError as error:
            return Answer(form, "", self._unread(error))
        except LMInvalidRequestError as error:
            if isinstance(error, LMUnsupportedModelError):
                raise
            message = str(error).splitlines()[0]
            return Answer(form, "", f"{message} {mend(message, self.lm.alias)}")
        except TeacherDown as error:
            if not (form == "compact" and self.lm.continues):
                raise
            return Answer(form, "", f"it has no /completions ({error}): set models.{self.lm.alias}.completions: false")
        self.seconds = time.monotonic() - started
        return Answer(form, " ".join(str(reply.answer).split())[:60])

    def _unread(self, error: AdapterParseError) -> str:
        drop = dropped("doctor", error)
        if drop.reason == EMPTY:
            return (
                f"empty reply, {drop.detail or 'no text'} (models.{self.lm.alias}.max_tokens: {self.entry.max_tokens})"
            )
        if drop.reason == CUT_OFF:
            return f"cut off: raise models.{self.lm.alias}.max_tokens ({self.entry.max_tokens})"
        return f"the reply cannot be read: {' '.join(drop.detail.split())[:60]!r}"

    def _failures(self) -> Iterator[str]:
        for answer in self.answers:
            if answer.failure:
                yield f"in {answer.format} {answer.failure}"

    def _abilities(self) -> Iterator[str]:
        """Notes on what else the server can do."""
        yield from self._found_out()
        if "judge" in self.roles:
            yield from self._verdict()
        if self.entry.api_base:
            for look in (self._schema, self._logprobs, self._completions, self._repeats):
                yield from _tried(look)

    def _found_out(self) -> list[str]:
        engine: Any = self.lm.async_engine
        while not isinstance(engine, EndpointEngine) and hasattr(engine, "engine"):
            engine = engine.engine
        return engine.concessions.notes if isinstance(engine, EndpointEngine) else []

    def _verdict(self) -> Iterator[str]:
        """Whether the model's verdict can be read, in the format that is tried first."""
        rater = Rater(JudgeCorrect, JUDGES["correct"]().levels)
        rater.judge.format = formats_to_judge(self.lm, JudgeCorrect)[0]
        verdict = run_sync(rater.ask(document="The bridge opened in 1931.", **ASKED, answer="In 1931."))
        if verdict.score is None:
            yield f"as a judge: {verdict.reason}"

    def _schema(self) -> Iterator[str]:
        if self.entry.schema_enforced and self.lm.chats:
            try:
                Shape.model_validate(json.loads(_text(self._say("Say good morning.", response_format=Shape))))
            except (ValueError, LMInvalidRequestError):
                yield f"ignores the schema it is sent: set models.{self.lm.alias}.schema_enforced: false"

    def _logprobs(self) -> Iterator[str]:
        declared = self.entry.logprobs
        if not declared and "judge" not in self.roles:
            return
        try:
            output = self._say("Say yes.", logprobs=True, top_logprobs=declared or TOP)
            has_logprobs = isinstance(output, dict) and bool((output.get("logprobs") or {}).get("content"))
        except LMInvalidRequestError:
            has_logprobs = False
        if has_logprobs and not declared:
            yield f"gives log-probabilities: with models.{self.lm.alias}.logprobs: {TOP} judges read them"
        if declared and not has_logprobs:
            yield f"gives no log-probabilities: set models.{self.lm.alias}.logprobs: 0"

    def _completions(self) -> Iterator[str]:
        if self.entry.completions:
            return
        with using(continues=True):
            self._say("The bridge opened in", stop=["\n\n"])
        yield f"has /completions: models.{self.lm.alias}.completions: true lets it continue text, as small models need"

    def _repeats(self) -> Iterator[str]:
        """Whether a request at temperature 0 always gets the same reply."""
        replies = set[str]()
        for draw in (1, 2):
            with calling(draw=draw):
                replies.add(_text(self._say("Name a river and a town on it.", temperature=0.0)))
        if len(replies) > 1:
            yield "gives two replies to one request at temperature 0: it is not deterministic"

    def _say(self, words: str, **options: Any) -> Any:
        return run_sync(self.lm.acall(messages=[{"role": "user", "content": words}], **options))[0]


def _tried(look: Callable[[], Iterator[str]]) -> list[str]:
    """The lines of a check; none if the server does not accept such a call."""
    try:
        return [*look()]
    except (LMError, TeacherDown):
        return []


def _text(output: Any) -> str:
    return str(output.get("text") if isinstance(output, dict) else output)
