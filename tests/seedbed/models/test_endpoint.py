"""The endpoint engine against a server that misbehaves in every way a server can."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import dspy
import pytest
from dspy import lm15
from dspy.utils.exceptions import AdapterParseError
from support.asked import KEY, ask, engine
from support.hostile import (
    Behaviour,
    Hostile,
    completion,
    dead_port,
    drips,
    filtered,
    hangs,
    packs,
    refusal,
    resets,
    says,
    sends,
    status,
    trickles,
)

from programs.core.background import run_sync
from programs.core.step import Step
from programs.core.tools import using
from programs.formats.replies import dropped
from seedbed.models.layers.circuit_breaker import is_refused
from seedbed.models.registry import TeacherLM

PASSING: dict[str, tuple[Behaviour, type[Exception]]] = {
    "429": (status(429, "slow down"), lm15.RateLimitError),
    "500": (status(500), lm15.ServerError),
    "502 with a page": (status(502, "<html><h1>Bad Gateway</h1></html>"), lm15.ServerError),
    "503": (status(503), lm15.ServerError),
    "529": (status(529, "overloaded"), lm15.ServerError),
    "408": (status(408), lm15.TimeoutError),
    "504": (status(504), lm15.TimeoutError),
    "hang": (hangs, lm15.TimeoutError),
    "drip": (drips, lm15.TimeoutError),
    "reset": (resets, lm15.TransportError),
    "no gzip": (packs(b"plain", "gzip"), lm15.TransportError),
    "truncated JSON": (sends(b'{"choices": [{"message": {"rol'), lm15.ServerError),
    "a page": (sends(b"<html>Log in to this network</html>", "text/html"), lm15.ServerError),
    "nothing": (sends(b""), lm15.ServerError),
    "null": (sends(b"null"), lm15.ServerError),
    "a list": (sends(b"[1, 2]"), lm15.ServerError),
    "brackets without end": (sends(b"[" * 100_000), lm15.ServerError),
    "choices of another kind": (sends({"choices": ["fine"]}), lm15.ServerError),
    "no choices": (sends({**completion("x"), "choices": []}), lm15.ServerError),
    "choices: null": (sends({**completion("x"), "choices": None}), lm15.ServerError),
    "no content": (sends({**completion("x"), "choices": [{"index": 0}]}), lm15.ServerError),
    "an error with 200": (sends({"error": {"message": "overloaded"}}), lm15.ServerError),
    "brackets without end beside half a surrogate pair": (sends(b'["\\ud800",' + b"[" * 100_000), lm15.ServerError),
    "a number that is none beside it": (sends(b'{"choices": NaN, "x": "\\ud800"}'), lm15.ServerError),
    "2 MB of garbage": (sends(bytes(range(256)) * 8192, "application/octet-stream"), lm15.ServerError),
}
FINAL: dict[str, tuple[Behaviour, type[Exception]]] = {
    "401": (status(401, "bad key"), lm15.AuthError),
    "403": (status(403, "not you"), lm15.AuthError),
    "402": (status(402, "pay"), lm15.BillingError),
    "429 for an empty account": (status(429, '{"error": {"code": "insufficient_quota"}}'), lm15.BillingError),
    "404": (status(404, "no such model"), lm15.UnsupportedModelError),
    "400": (status(400, "bad temperature"), lm15.InvalidRequestError),
    "422": (status(422, "bad field"), lm15.InvalidRequestError),
    "413 too long": (status(413, "exceeds the context size"), lm15.ContextLengthError),
    "400 too long": (status(400, "This model's maximum context length is 4096 tokens"), lm15.ContextLengthError),
}


@pytest.mark.parametrize("trouble", PASSING | FINAL)
def test_trouble_has_its_own_error_and_is_met_once(server: Hostile, trouble: str) -> None:
    behaviour, error = (PASSING | FINAL)[trouble]
    server.plan(behaviour)
    with pytest.raises(error) as raised:
        ask(server)
    assert (type(raised.value), len(server.bodies)) == (error, 1)


def test_a_redirect_is_not_followed_for_each_hop_may_be_billed(server: Hostile) -> None:
    server.plan(status(307, location="/v1/chat/completions"))
    with pytest.raises(lm15.ConfigurationError, match="redirects to /v1/chat/completions"):
        ask(server)
    assert len(server.bodies) == 1


@pytest.mark.parametrize("code", [408, 504])
def test_a_timeout_the_server_tells_of_is_told_from_our_own(server: Hostile, code: int) -> None:
    server.plan(status(code, "upstream is slow"))
    with pytest.raises(lm15.TimeoutError, match="upstream is slow") as raised:
        ask(server)
    assert raised.value.status == code


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.5"}, 0.5),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "1e999"}, None),
        ({"retry_after_ms": "nan"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_wait_a_server_asks_for(server: Hostile, headers: dict[str, str], seconds: float | None) -> None:
    server.plan(status(503, **headers))
    with pytest.raises(lm15.ServerError) as raised:
        ask(server)
    assert raised.value.retry_after == seconds


def test_a_wait_until_a_date_is_counted_from_now(server: Hostile) -> None:
    server.plan(status(429, retry_after=format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)))
    with pytest.raises(lm15.RateLimitError) as raised:
        ask(server)
    assert raised.value.retry_after is not None
    assert 590 < raised.value.retry_after <= 600


def test_a_slow_reply_that_ends_in_time_is_read(server: Hostile) -> None:
    server.plan(trickles(says("fine"), 0.01))
    assert ask(server, timeout=2.0).text == "fine"


def test_a_reply_of_another_model_is_taken_and_says_so(server: Hostile) -> None:
    server.plan(sends({**completion("fine"), "model": "m-2026-11-01"}))
    reply = ask(server)
    assert (reply.text, reply.model) == ("fine", "m-2026-11-01")


@pytest.mark.parametrize(
    "text",
    ["a\u2028b\x00c\ufeffd", "\u202eright to left", "e\u0301\U0001f469\u200d\U0001f680", "\ufffd\uffff"],
    ids=ascii,
)
def test_unicode_traps_come_through_unchanged(server: Hostile, text: str) -> None:
    server.plan(sends(completion(text)))
    asked = lm15.Request(model="m", messages=(lm15.Message.user(text),))
    assert (ask(server, asked).text, server.bodies[0]["messages"][0]["content"]) == (text, text)


@pytest.mark.parametrize("body", [refusal("I cannot help with that."), filtered()], ids=["refusal", "content filter"])
@pytest.mark.parametrize("form", ["chat", "json", "compact"])
def test_a_model_that_declines_is_asked_once_and_said_to(server: Hostile, body: dict[str, Any], form: str) -> None:
    async def work() -> None:
        one = engine(server)
        try:
            with dspy.context(lm=TeacherLM("far", one)):
                await Step(dspy.Signature("question -> answer"), format=form).acall(question="2 + 2?")
        finally:
            await one.aclose()

    server.plan(sends(body))
    with pytest.raises(AdapterParseError) as raised:
        run_sync(work())
    assert dropped("step", raised.value).reason == "refusal"
    assert len(server.bodies) == 1


def test_tokens_are_read(server: Hostile) -> None:
    usage = ask(server).usage
    assert (usage.input_tokens, usage.output_tokens) == (7, 3)


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
    with using(continues=True):
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


def test_a_reply_without_content_is_an_empty_reply(server: Hostile) -> None:
    server.plan(sends(completion(None)))
    assert ask(server).text in (None, "")


def test_a_dead_port_is_told_from_a_broken_connection(server: Hostile) -> None:
    with pytest.raises(lm15.TransportError, match="cannot connect to http://127") as dead:
        ask(server, base=dead_port())
    server.plan(resets)
    with pytest.raises(lm15.TransportError) as broken:
        ask(server)
    assert (is_refused(dead.value), is_refused(broken.value)) == (True, False)
