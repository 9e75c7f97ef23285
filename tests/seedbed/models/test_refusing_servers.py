"""Servers that want to be asked otherwise, and those that tell an error in a reply of status 200."""

import json
from typing import Any

import pytest
from aiohttp import web
from dspy import lm15
from support.asked import ASK, ask, engine
from support.hostile import Behaviour, Hostile, completion, sends, status
from support.served import Served, served, well

from programs.core.background import run_sync
from seedbed.models.engines.engine import free

__all__ = ["served"]

WITH_SYSTEM = lm15.Request(
    model="m",
    system="Be brief.",
    messages=(lm15.Message.user("a"), lm15.Message.assistant("b"), lm15.Message.user("c")),
    config=lm15.Config(max_tokens=9),
)
NO_SYSTEM = [
    (400, {"object": "error", "message": "System role not supported", "code": 400}),
    (500, {"error": {"message": "Conversation roles must alternate user/assistant/user/assistant/..."}}),
    (422, {"error": "Unsupported role: 'system'"}),
    (400, {"error": {"message": "this model does not support system messages"}}),
    (500, {"error": {"message": "Only user and assistant roles are supported!"}}),
    (422, {"detail": [{"loc": ["messages", 0, "role"], "msg": "Input should be 'user' or 'assistant'"}]}),
]
NO_LIMIT = [
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
    "max_tokens is deprecated; please use max_completion_tokens",
]


def without_system(code: int, said: Any) -> Behaviour:
    async def behave(request: web.Request) -> web.StreamResponse:
        if any(message["role"] == "system" for message in json.loads(await request.read())["messages"]):
            return web.json_response(said, status=code)
        return await well(request)

    return behave


def without_limit(said: str, then: Behaviour = well) -> Behaviour:
    async def behave(request: web.Request) -> web.StreamResponse:
        if "max_tokens" in json.loads(await request.read()):
            return web.json_response({"error": {"message": said, "param": "max_tokens"}}, status=400)
        return await then(request)

    return behave


@pytest.mark.parametrize(("code", "said"), NO_SYSTEM)
def test_a_server_without_a_system_role_gets_its_words_from_the_user(served: Served, code: int, said: Any) -> None:
    served.server.plan(without_system(code, said))
    assert served.run() == 0
    first, *others = served.server.bodies
    assert first["messages"][0]["role"] == "system"
    later = [body for body in others if [message["role"] for message in body["messages"]] == ["user"]]
    assert len(later) >= len(others) - 4  # calls that were in flight when it was found out
    system = first["messages"][0]["content"]
    assert later[0]["messages"][0]["content"].startswith(system[:200])


@pytest.mark.parametrize("said", NO_LIMIT)
def test_a_server_that_wants_another_limit_gets_it(served: Served, said: str) -> None:
    served.server.plan(without_limit(said))
    assert served.run() == 0
    later = [body for body in served.server.bodies if "max_completion_tokens" in body]
    assert len(later) >= len(served.server.bodies) - 4
    assert {body["max_completion_tokens"] for body in later} == {256}


def test_a_server_may_want_both(server: Hostile) -> None:
    server.plan(without_limit(NO_LIMIT[0], without_system(*NO_SYSTEM[0])))

    async def work() -> None:
        one = engine(server)
        for _ in range(2):
            await one.complete(WITH_SYSTEM)
        assert len(one.concessions.notes) == 2
        await one.aclose()

    run_sync(work())
    assert [len(body["messages"]) for body in server.bodies] == [4, 4, 3, 3]
    assert server.bodies[-1]["messages"][0] == {"role": "user", "content": "Be brief.\n\na"}


@pytest.mark.parametrize("said", ["The system is down", "system error", "invalid file system", "bad temperature"])
def test_what_only_names_a_system_is_no_refusal_of_its_role(server: Hostile, said: str) -> None:
    server.plan(status(400, said))
    with pytest.raises(lm15.InvalidRequestError, match=said):
        ask(server, WITH_SYSTEM)
    assert len(server.bodies) == 1


WITHIN_200: list[tuple[Any, type[Exception], str]] = [
    ({"error": {"message": "daily quota is used up", "code": 429}}, lm15.RateLimitError, "daily quota is used up"),
    (
        {"choices": None, "usage": None, "error": {"message": "Provider returned error", "code": "429"}},
        lm15.RateLimitError,
        "Provider",
    ),
    ({"error": {"message": "too fast", "type": "rate_limit_error"}}, lm15.RateLimitError, "too fast"),
    ({"error": {"message": "no credit", "code": "insufficient_quota"}}, lm15.BillingError, "no credit"),
    ({"error": {"message": "bad key", "code": 401}}, lm15.AuthError, "bad key"),
    ({"error": {"message": "No such model", "type": "not_found_error"}}, lm15.UnsupportedModelError, "No such model"),
    ({"error": {"message": "bad field", "type": "invalid_request_error"}}, lm15.InvalidRequestError, "bad field"),
    ({"object": "error", "message": "bad field", "code": 400}, lm15.InvalidRequestError, "bad field"),
    ({"error": "the model is not loaded"}, lm15.ServerError, "the model is not loaded"),
    ({"error": {"message": "Upstream", "metadata": {"raw": "GPU lost"}}}, lm15.ServerError, "GPU lost"),
    (
        {**completion("x"), "choices": [{"index": 0, "error": {"code": 502, "message": "lost"}}]},
        lm15.ServerError,
        "lost",
    ),
    ({"error": {"message": "\x1b[2J gone", "code": 503}}, lm15.ServerError, "gone"),
]


@pytest.mark.parametrize(("body", "kind", "words"), WITHIN_200)
def test_an_error_within_status_200_is_that_error(
    server: Hostile, body: Any, kind: type[Exception], words: str
) -> None:
    server.plan(sends(body))
    with pytest.raises(kind, match=words) as raised:
        ask(server)
    assert type(raised.value) is kind
    assert "\x1b" not in str(raised.value)
    assert free(raised.value) is (getattr(raised.value, "status", None) != 502)


def test_a_null_error_beside_a_completion_is_none(server: Hostile) -> None:
    server.plan(sends({**completion("fine"), "error": None}))
    assert ask(server, ASK).text == "fine"


def test_a_run_that_meets_errors_within_status_200_shows_the_words_and_books_nothing(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(seconds: float) -> None:
        pass

    monkeypatch.setattr("seedbed.models.layers.retrying._sleep", at_once)
    served.server.plan(sends({"error": {"message": "daily quota is used up", "code": 429}}))
    served.change(lambda config: config["models"]["mock"].update(patience=1))
    assert served.run(rows=2, run__max_usd=0.01) in (1, 3)
    printed = capsys.readouterr()
    assert "daily quota is used up" in printed.err
    assert "run.max_usd" not in printed.err


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "\u00b2\u00b2\u00b2", "message": "no"}},
        {"error": {"code": "9" * 5_000, "message": "no"}},
        {"error": {"status": "\u0664\u0660\u0660", "message": "no"}},
        {"choices": 5},
        {"choices": True, "error": {"message": "no"}},
        {"choices": "ab"},
        {"choices": {"0": "a"}},
    ],
)
def test_a_body_of_status_200_that_nobody_can_read_is_the_servers_failure(server: Hostile, body: Any) -> None:
    server.plan(sends(json.dumps(body).encode()))
    with pytest.raises(lm15.ServerError):
        ask(server)
