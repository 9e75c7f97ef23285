"""A reply that was cut off at `max_tokens` is no answer, unless what is read of it was whole before the cut."""

import json
from typing import Any, Literal

import dspy
import pytest
from aiohttp import web
from dspy import lm15
from dspy.utils.callback import BaseCallback
from support.served import Served, served, well

from programs.core.background import run_sync
from programs.core.step import Step
from programs.formats.replies import CutOff
from seedbed.models.engines.engine import Shared
from seedbed.models.lm import TeacherLM

__all__ = ["served"]


class Says(Shared):
    """An engine whose reply ends so."""

    identity, enforces_schema, continues, concurrency = "says", False, True, 1

    def __init__(self, text: str, ended: Any) -> None:
        self.text, self.ended = text, ended

    async def complete(self, request: lm15.Request) -> lm15.Response:
        message, usage = lm15.Message.assistant(self.text), lm15.Usage()
        return lm15.Response(id=None, model="m", message=message, finish_reason=self.ended, usage=usage)

    async def aclose(self) -> None: ...


class Listener(BaseCallback):
    """While it listens every call goes DSPy's own way."""


Grade = Literal[1, 2, 10]
MADE = {
    "text": dspy.Signature("note -> said"),
    "list": dspy.Signature("note -> points: list[str]"),
    "number": dspy.Signature("note -> count: int"),
    "decision": dspy.Signature("note -> verdict: Literal['yes', 'no']", custom_types={"Literal": Literal}),
    "grade": dspy.Signature("note -> grade: Grade", custom_types={"Grade": Grade}),
    "sure": dspy.Signature("note -> sure: bool"),
    "reasons": dspy.Signature("note -> reasoning, verdict: Literal['yes', 'no']", custom_types={"Literal": Literal}),
}
REACHED = [
    ("chat", "text", "[[ ## said ## ]]\nThe bridge opened"),
    ("chat", "text", "[[ ## said ## ]]\nThe bridge opened.\n\n[[ ## compl"),
    ("chat", "text", "[[ ## said ## ]]"),
    ("chat", "list", '[[ ## points ## ]]\n["a", "b"'),
    ("chat", "number", "[[ ## count ## ]]\n12"),
    ("chat", "grade", "[[ ## grade ## ]]\n1"),
    ("chat", "reasons", "[[ ## reasoning ## ]]\nIt stands th"),
    ("json", "text", '{"said": "The bridge ope'),
    ("json", "text", '{"said": "The bridge'),
    ("json", "list", '{"points": ["a", "b"'),
    ("json", "number", '{"count": 12'),
    ("json", "reasons", '{"verdict": "yes", "reasoning": "It stands'),
    ("compact", "text", " The bridge opened in"),
    ("compact", "list", "\n1. one\n2. tw"),
    ("compact", "number", " 12"),
    ("compact", "grade", " 1"),
    ("compact", "reasons", " It stands there\nVer"),
    ("plain", "text", " The bridge opened in"),
    ("plain", "grade", "1"),
    *((form, "text", "") for form in ("chat", "json", "compact", "plain")),
]
WHOLE = [
    ("chat", "text", "[[ ## said ## ]]\nIt opened.\n\n[[ ## completed ## ]]\n\n[[ ## said ## ]]\nIt", "It opened."),
    ("chat", "text", "[[ ## said ## ]]\nIt opened.\n\n[[ ## said ## ]]\nIt op", "It opened."),
    ("chat", "decision", "[[ ## verdict ## ]]\nyes", "yes"),
    ("chat", "grade", "[[ ## grade ## ]]\n2", 2),
    ("chat", "sure", "[[ ## sure ## ]]\nTrue", True),
    ("json", "text", '{"said": "It opened."}', "It opened."),
    ("json", "text", '```json\n{"said": "It opened."}\n``', "It opened."),
    ("json", "text", '{"said": "It opened."} I have read', "It opened."),
    ("compact", "text", " It opened.\n\nNote: ano", "It opened."),
    ("compact", "text", " It opened.\n\n", "It opened."),
    ("compact", "decision", " yes", "yes"),
    ("compact", "decision", "Yes, beca", "yes"),
    ("compact", "number", " 12 litr", 12),
    ("plain", "decision", "yes", "yes"),
    ("plain", "decision", "Yes, beca", "yes"),
]


def last_field(form: str, signature: str, text: str, ended: str, **settings: Any) -> Any:
    """The last field of what a step reads."""
    fields = MADE[signature]
    with dspy.context(lm=TeacherLM("far", Says(text, ended)), disable_history=True, **settings):
        return [*run_sync(Step(fields, form).acall(note="n")).values()][-1]


@pytest.mark.parametrize("listeners", [0, 1], ids=["the short way", "dspy's own way"])
@pytest.mark.parametrize(("form", "signature", "text"), REACHED)
def test_a_cut_that_may_have_reached_what_is_read_makes_the_reply_unreadable(
    form: str, signature: str, text: str, listeners: int
) -> None:
    with pytest.raises(CutOff) as raised:
        last_field(form, signature, text, "length", callbacks=[Listener()] * listeners)
    assert raised.value.lm_response == text


@pytest.mark.parametrize("listeners", [0, 1], ids=["the short way", "dspy's own way"])
@pytest.mark.parametrize(("form", "signature", "text", "value"), WHOLE)
def test_what_was_whole_before_the_cut_is_read(
    form: str, signature: str, text: str, value: Any, listeners: int
) -> None:
    assert last_field(form, signature, text, "length", callbacks=[Listener()] * listeners) == value


@pytest.mark.parametrize(("form", "text"), [("compact", " It opened"), ("chat", "[[ ## said ## ]]\nIt opened")])
def test_a_reply_that_ended_by_itself_needs_no_last_marker(form: str, text: str) -> None:
    assert last_field(form, "text", text, "stop") == "It opened"


async def cut(request: web.Request) -> web.StreamResponse:
    """Good replies of `max_tokens`, of which a question was whole before and an answer was not."""
    reply = await well(request)
    assert isinstance(reply, web.Response)
    body = json.loads(reply.body or b"")  # type: ignore[arg-type]
    choice = body["choices"][0]
    text = choice["message"]["content"]
    if "## answer ##" in text:
        choice["message"]["content"] = " ".join(text.split(" ")[:13])
    return web.json_response(body | {"choices": [choice | {"finish_reason": "length"}]})


def test_no_answer_that_was_cut_off_becomes_a_row(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.server.plan(cut)
    assert served.run(run__keep_going=True) == 1
    assert not served.rows()
    reasons = {(row["step"], row["reason"]) for row in served.rows(folder="rejected")}
    assert reasons == {("answer_question", "cut off at max_tokens")}
    assert "55  cut off at max_tokens" in capsys.readouterr().out
    count = len(served.server.bodies)
    assert served.run("again", 8, "--replay", str(served.base / "ds")) == 1
    assert not served.rows("again")
    assert len(served.server.bodies) == count
