"""The bytes of a reply: in which characters were lost, or which are too many."""

import gzip
import json

import pytest
from aiohttp import web
from dspy import lm15
from support.asked import ASK, ask
from support.hostile import Behaviour, Hostile, completion, packs, sends, status

from programs.core.background import run_sync
from seedbed.models.engines.engine import free
from seedbed.models.engines.provider import ProviderEngine

SURROGATE = b'{"choices": [{"message": {"role": "assistant", "content": "a \\ud800 b \\ud83d\\ude00"}}]}'
LATIN = json.dumps(completion("caf\xe9"), ensure_ascii=False).encode("latin-1")


@pytest.mark.parametrize(
    ("body", "text"),
    [(SURROGATE, "a \ufffd b \U0001f600"), (LATIN, "caf\ufffd")],
    ids=["half a surrogate pair", "Latin-1"],
)
def test_a_completion_in_which_characters_were_lost_says_so_in_their_place(
    server: Hostile, body: bytes, text: str
) -> None:
    server.plan(sends(body))
    assert ask(server).text == text


def test_a_completion_with_what_is_no_number_is_read(server: Hostile) -> None:
    body = completion("fine")
    token = {"token": "fine", "logprob": -0.1, "top_logprobs": [{"token": "no", "logprob": float("-inf")}]}
    body["choices"][0]["logprobs"] = {"content": [token]}
    server.plan(sends(json.dumps(body).encode()))
    assert ask(server).message.text == "fine"
    assert len(server.bodies) == 1


def test_a_provider_string_gives_no_half_of_a_surrogate_pair(server: Hostile) -> None:
    async def work() -> str | None:
        far = ProviderEngine("openai/gpt-4o-mini", concurrency=2, timeout=5, api_key="k", api_base=server.base)
        try:
            return (await far.complete(ASK)).text
        finally:
            await far.aclose()

    server.plan(sends(completion("a \ud800 b")))
    assert run_sync(work()) == "a \ufffd b"


async def endless(request: web.Request) -> web.StreamResponse:
    """A good beginning of a reply that goes on for as long as anybody reads."""
    reply = web.StreamResponse(headers={"content-type": "application/json"})
    await reply.prepare(request)
    await reply.write(b'{"choices": [{"message": {"content": "')
    for _ in range(40):
        await reply.write(b"x" * 1_000_000)
    return reply


@pytest.mark.parametrize(
    "behaviour", [endless, packs(gzip.compress(bytes(40_000_000)), "gzip")], ids=["without end", "packed"]
)
def test_a_reply_that_is_too_long_is_read_no_further_and_is_no_failure_of_the_server(
    server: Hostile, behaviour: Behaviour
) -> None:
    server.plan(behaviour)
    with pytest.raises(lm15.InvalidRequestError, match="longer than 16 MB") as raised:
        ask(server, timeout=20)
    assert not free(raised.value)


def test_a_refusal_that_is_too_long_is_a_refusal(server: Hostile) -> None:
    server.plan(status(401, "no " * 10_000_000))
    with pytest.raises(lm15.AuthError, match="no no no"):
        ask(server, timeout=20)
