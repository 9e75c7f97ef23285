"""The endpoint engine against a server that misbehaves in every way a server can."""

import asyncio
from typing import Any

import dspy
import pytest
from dspy import lm15
from hostile import Behaviour, Hostile, completion, dead_port, drips, hangs, resets, says, sends, status

from programs.program import run_sync
from seedbed.engines import endpoint
from seedbed.engines.endpoint import RETRIES, EndpointEngine

KEY = "sk-hunter2-hunter2"
pytestmark = pytest.mark.usefixtures("waits")
ASK = lm15.Request(model="m", messages=(lm15.Message.user("Say something."),))


def engine(server: Hostile, **changes: Any) -> EndpointEngine:
    settings = {"base": server.base, "model": "m", "key": KEY, "concurrency": 4, "timeout": 0.3}
    return EndpointEngine(**settings | changes)


def ask(server: Hostile, request: lm15.Request = ASK, **changes: Any) -> lm15.Response:
    async def work() -> lm15.Response:
        one = engine(server, **changes)
        try:
            return await one.complete(request)
        finally:
            await one.aclose()

    return run_sync(work())


PASSING: dict[str, Behaviour] = {
    "429 with retry-after": status(429, "slow down", retry_after="0"),
    "429 with a date": status(429, "slow down", retry_after="Wed, 21 Oct 2026 07:28:00 GMT"),
    "429": status(429),
    "500": status(500),
    "502 with a page": status(502, "<html><h1>Bad Gateway</h1></html>"),
    "503": status(503),
    "408": status(408),
    "504": status(504),
    "hang": hangs,
    "reset": resets,
    "drip": drips,
    "truncated JSON": sends(b'{"choices": [{"message": {"rol'),
    "a page": sends(b"<html>Log in to this network</html>", "text/html"),
    "nothing": sends(b""),
    "null": sends(b"null"),
    "a list": sends(b"[1, 2]"),
    "choices of another kind": sends({"choices": ["fine"]}),
    "no choices": sends({**completion("x"), "choices": []}),
    "choices: null": sends({**completion("x"), "choices": None}),
    "no content": sends({**completion("x"), "choices": [{"index": 0, "finish_reason": "stop"}]}),
    "an error with 200": sends({"error": {"message": "overloaded"}}),
    "2 MB of garbage": sends(bytes(range(256)) * 8192, "application/octet-stream"),
}
FINAL: dict[str, tuple[Behaviour, type[Exception]]] = {
    "401": (status(401, "bad key"), lm15.AuthError),
    "403": (status(403, "not you"), lm15.AuthError),
    "402": (status(402, "pay"), lm15.BillingError),
    "404": (status(404, "no such model"), lm15.UnsupportedModelError),
    "400": (status(400, "bad temperature"), lm15.InvalidRequestError),
    "422": (status(422, "bad field"), lm15.InvalidRequestError),
    "413 too long": (status(413, "exceeds the context size"), lm15.ContextLengthError),
    "400 too long": (status(400, "This model's maximum context length is 4096 tokens"), lm15.ContextLengthError),
}


@pytest.mark.parametrize("trouble", PASSING)
def test_what_can_pass_is_tried_again_and_passes(server: Hostile, trouble: str) -> None:
    server.plan(PASSING[trouble], says("fine"))
    assert (ask(server).text, len(server.bodies)) == ("fine", 2)


@pytest.mark.parametrize("trouble", FINAL)
def test_what_cannot_pass_is_asked_once(server: Hostile, trouble: str) -> None:
    behaviour, error = FINAL[trouble]
    server.plan(behaviour)
    with pytest.raises(error) as raised:
        ask(server)
    assert (type(raised.value), len(server.bodies)) == (error, 1)


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [(status(500), lm15.ServerError), (status(429), lm15.RateLimitError), (resets, lm15.TransportError)],
    ids=["500", "429", "reset"],
)
def test_what_does_not_pass_is_given_up_with_its_own_error(
    server: Hostile, behaviour: Behaviour, error: type[Exception]
) -> None:
    server.plan(behaviour)
    with pytest.raises(error):
        ask(server)
    assert len(server.bodies) == RETRIES + 1


def test_a_server_that_hangs_is_a_timeout(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "RETRIES", 0)
    server.plan(hangs)
    with pytest.raises(lm15.TimeoutError):
        ask(server)


def test_the_servers_retry_after_is_believed(server: Hostile, waits: list[float]) -> None:
    server.plan(status(429, retry_after="7"), says("fine"))
    ask(server)
    assert waits == [7.0]


def test_no_retry_after_is_believed_for_more_than_a_minute(server: Hostile, waits: list[float]) -> None:
    server.plan(status(429, retry_after="86400"), says("fine"))
    ask(server)
    assert waits == [60.0]


def test_waits_grow(server: Hostile, waits: list[float]) -> None:
    server.plan(status(500), status(500), status(500), status(500), says("fine"))
    ask(server)
    assert all(0.25 * 2**n <= waited <= 0.75 * 2**n for n, waited in enumerate(waits))


def test_tokens_are_read(server: Hostile) -> None:
    usage = ask(server).usage
    assert (usage.input_tokens, usage.output_tokens) == (7, 3)


def test_calls_in_flight_stay_under_the_limit(server: Hostile) -> None:
    async def work() -> None:
        one = engine(server, concurrency=3, timeout=5)
        await asyncio.gather(*(one.complete(ASK) for _ in range(12)))
        await one.aclose()

    server.plan(says("fine", after=0.03))
    run_sync(work())
    assert server.most == 3


def test_a_chat_request(server: Hostile) -> None:
    request = lm15.Request(
        model="ours",
        system="Be brief.",
        messages=(lm15.Message.user("a"), lm15.Message.assistant("b"), lm15.Message.user("c")),
        config=lm15.Config(temperature=0.0, max_tokens=9, stop=("\n\n",)),
    )
    ask(server, request, extra={"min_p": 0.1})
    roles = (("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", "c"))
    assert (server.paths, server.bodies) == (
        ["/v1/chat/completions"],
        [
            {
                "model": "m",
                "messages": [{"role": role, "content": content} for role, content in roles],
                "temperature": 0.0,
                "max_tokens": 9,
                "stop": ["\n\n"],
                "min_p": 0.1,
            }
        ],
    )


def test_a_continuation_request(server: Hostile) -> None:
    with dspy.context(continuation=True):
        reply = ask(server)
    assert (server.paths, server.bodies, reply.text) == (
        ["/v1/completions"],
        [{"model": "m", "prompt": "Say something."}],
        "fine",
    )


def test_the_key_is_a_bearer_token(server: Hostile) -> None:
    ask(server)
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_without_a_key_no_authorization_is_sent(server: Hostile) -> None:
    ask(server, key=None)
    assert "Authorization" not in server.headers[0]


@pytest.mark.parametrize("code", [401, 400, 500])
def test_a_server_that_repeats_the_key_does_not_make_us_repeat_it(server: Hostile, code: int) -> None:
    server.plan(status(code, f"Incorrect API key provided: {KEY}."))
    with pytest.raises(lm15.LM15Error) as raised:
        ask(server)
    assert KEY not in str(raised.value)


def test_a_reply_without_content_is_an_empty_reply(server: Hostile) -> None:
    server.plan(sends(completion(None)))
    assert ask(server).text in (None, "")


def test_a_dead_port_is_not_tried_again(server: Hostile, waits: list[float]) -> None:
    with pytest.raises(lm15.TransportError):
        ask(server, base=dead_port())
    assert waits == []
