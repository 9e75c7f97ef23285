"""A whole call in our chat and JSON formats asks what DSPy's would ask, once, and gives what it would give."""

import asyncio
from typing import Any

import dspy
import pytest
from dspy import lm15
from dspy.utils.exceptions import AdapterParseError
from support.alike import PAIRS, SIGNATURES, Odder, outcome

from programs.formats.replies import Empty


class Hearing:
    """An engine that keeps what it was asked, with every log-probability it is asked for."""

    def __init__(self, says: str, *, schema: bool) -> None:
        self.says, self.heard = says, list[lm15.Request]()
        self.supports_response_schema = schema
        self.supported_params = {"response_format"} if schema else set[str]()

    def answer(self, request: lm15.Request) -> lm15.Response:
        self.heard.append(request)
        logprobs = (lm15.TokenLogprob(token="yes", logprob=-0.5),) if request.config.logprobs is not None else None
        return lm15.Response(
            id=None,
            model=request.model,
            message=lm15.Message.assistant(self.says),
            finish_reason="stop",
            usage=lm15.Usage(),
            logprobs=logprobs,
        )

    complete = answer


class HearingLater(Hearing):
    async def complete(self, request: lm15.Request) -> lm15.Response:
        return self.answer(request)


def called(
    adapter: dspy.Adapter, signature: Any, says: str, **options: Any
) -> tuple[tuple[Any, ...], list[lm15.Request]]:
    """What two calls gave, and what the engine was asked."""
    schema, inputs = options.pop("schema", True), dict.fromkeys(signature.input_fields, "a text")
    engine = HearingLater(says, schema=schema)
    lm = dspy.LM("a/model", engine=Hearing(says, schema=schema), async_engine=engine, cache=False, num_retries=0)

    async def twice() -> list[Any]:
        return [await adapter.acall(lm, dict(options), signature, [], inputs) for _ in range(2)]

    return outcome(asyncio.run, twice()), engine.heard


@pytest.mark.parametrize("schema", [True, False])
@pytest.mark.parametrize("format", PAIRS)
def test_a_whole_call_is_theirs(format: str, schema: bool) -> None:
    for signature in SIGNATURES:
        ours, theirs = (called(adapter, signature, "{}", schema=schema) for adapter in PAIRS[format])
        assert ours == theirs
        assert len(ours[1]) == 1  # nothing is read from {}, and nobody asks again


@pytest.mark.parametrize("format", PAIRS)
def test_log_probabilities_come_with_the_fields(format: str) -> None:
    signature, reply = (
        dspy.Signature("note -> said"),
        {"chat": "[[ ## said ## ]]\nyes", "json": '{"said": "yes"}'}[format],
    )
    ours, theirs = (called(adapter, signature, reply, logprobs=True, top_logprobs=2) for adapter in PAIRS[format])
    assert ours == theirs
    assert "'logprobs': {'content': [{'token': 'yes'" in ours[0][1]
    assert len(ours[1]) == 2


@pytest.mark.parametrize("format", PAIRS)
def test_an_empty_reply_is_unreadable_and_told_from_others(format: str) -> None:
    ours, theirs = (called(adapter, Odder, "") for adapter in PAIRS[format])
    assert ours[1] == theirs[1]
    assert (ours[0][1], theirs[0][1]) == (Empty, AdapterParseError)
