"""What is tried again, and when."""

from typing import Any

import pytest
from dspy import lm15
from dspy.utils import exceptions as dspy_errors
from hypothesis import given
from hypothesis import strategies as st
from support.flaky import DONE, DOWN, Scripted, ask, asking, patient
from support.hostile import Behaviour, Hostile, completion, dead_port, hangs, resets, says, sends, status

from programs.core.background import run_sync
from seedbed.models.engines.endpoint import EndpointEngine
from seedbed.models.engines.provider import ProviderEngine
from seedbed.models.layers import retrying
from seedbed.models.layers.circuit_breaker import is_down
from seedbed.models.layers.rate_limited import Limited
from seedbed.models.layers.retrying import LONGEST_WAIT, RETRIES, wait

pytestmark = pytest.mark.usefixtures("waits")


def ask_server(server: Hostile, base: str | None = None, patience: float = 600) -> Any:
    async def work() -> Any:
        bare = EndpointEngine(base or server.base, "m", None, concurrency=4, timeout=0.2)
        try:
            return await patient(bare, patience).complete(asking())
        finally:
            await bare.aclose()

    return run_sync(work())


PASSING: dict[str, Behaviour] = {
    "429": status(429),
    "500": status(500),
    "504": status(504),
    "hang": hangs,
    "reset": resets,
    "truncated JSON": sends(b'{"choices": [{"message": {"rol'),
    "an error with 200": sends({"error": {"message": "overloaded"}}),
    "no choices": sends({**completion("x"), "choices": []}),
    "2 MB of garbage": sends(bytes(range(256)) * 8192, "application/octet-stream"),
}


@pytest.mark.parametrize("trouble", PASSING)
def test_what_can_pass_is_tried_again_and_passes(server: Hostile, trouble: str) -> None:
    server.plan(PASSING[trouble], says("fine"))
    assert (ask_server(server).text, len(server.bodies)) == ("fine", 2)


@pytest.mark.parametrize("code", [400, 401, 402, 403, 404, 413, 422])
def test_what_cannot_pass_is_asked_once(server: Hostile, code: int) -> None:
    server.plan(status(code))
    with pytest.raises(lm15.ProviderError):
        ask_server(server)
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [(status(500), lm15.ServerError), (status(429), lm15.RateLimitError), (resets, lm15.TransportError)],
    ids=["500", "429", "reset"],
)
def test_what_does_not_pass_is_given_up_with_its_own_error(
    server: Hostile, behaviour: Behaviour, error: type[Exception]
) -> None:
    server.plan(behaviour)
    with pytest.raises(error) as raised:
        ask_server(server, patience=0)
    assert (len(server.bodies), is_down(raised.value)) == (RETRIES + 1, False)


def test_an_address_that_never_answered_is_not_tried_again(server: Hostile, waits: list[float]) -> None:
    with pytest.raises(lm15.TransportError):
        ask_server(server, base=dead_port())
    assert waits == []


@pytest.mark.parametrize(
    "error",
    [
        dspy_errors.LMRateLimitError,
        dspy_errors.LMServerError,
        dspy_errors.LMTimeoutError,
        dspy_errors.LMTransportError,
    ],
)
def test_what_dspys_own_clients_raise_is_tried_again_too(error: type[Exception]) -> None:
    assert ask(patient(Scripted(error("no"), None))) == [DONE]


@pytest.mark.parametrize("trouble", ["429", "500", "hang", "reset"])
def test_dspys_own_client_makes_one_attempt_which_is_tried_again_here(server: Hostile, trouble: str) -> None:
    async def work() -> tuple[str | None, int]:
        bare = ProviderEngine("openai/gpt-4o-mini", concurrency=2, timeout=0.2, api_key="k", api_base=server.base)
        try:
            with pytest.raises(dspy_errors.LMError):
                await bare.complete(asking())
            once = len(server.bodies)
            server.plan(PASSING[trouble], says("fine"))
            return (await patient(bare).complete(asking())).text, once
        finally:
            await bare.aclose()

    server.plan(PASSING[trouble])
    assert run_sync(work()) == ("fine", 1)


@pytest.mark.parametrize("error", [dspy_errors.LMAuthError, dspy_errors.ContextWindowExceededError, lm15.LM15Error])
def test_what_dspys_own_clients_raise_for_good_is_not(error: type[Exception]) -> None:
    stub = Scripted(error(message="no"), None)
    assert type(ask(patient(stub))[0]) is error
    assert len(stub.asked) == 1


def test_the_servers_retry_after_is_believed(server: Hostile, waits: list[float]) -> None:
    server.plan(status(429, retry_after="7"), says("fine"))
    ask_server(server)
    assert waits == [7.0]


def test_no_retry_after_is_believed_for_more_than_a_minute(server: Hostile, waits: list[float]) -> None:
    server.plan(status(429, retry_after="86400"), says("fine"))
    ask_server(server)
    assert waits == [60.0]


@pytest.mark.parametrize("asked", [None, 0.0, 7.0])
def test_a_quota_a_minute_is_waited_out_for_as_long_as_patience_lasts(waits: list[float], asked: float | None) -> None:
    throttled = lm15.RateLimitError("slow down", status=429, retry_after=asked)
    assert ask(patient(Scripted(*[throttled] * 12, None))) == [DONE]
    waits.clear()
    assert isinstance(ask(patient(Scripted(throttled)))[0], lm15.RateLimitError)
    assert 600 <= sum(waits) <= 600 + LONGEST_WAIT
    assert max(waits) <= LONGEST_WAIT


def test_429s_do_not_count_among_the_failures() -> None:
    throttled = lm15.RateLimitError("slow down", status=429)
    assert ask(patient(Scripted(*[throttled, DOWN] * RETRIES, None))) == [DONE]


@given(st.integers(1, RETRIES))
def test_a_wait_is_anything_up_to_the_doubled_one(failures: int) -> None:
    waited = [wait(failures, None) for _ in range(50)]
    assert 0 <= min(waited) < 2**failures / 4
    assert 2**failures / 4 < max(waited) <= 2 ** (failures - 1)


def test_no_slot_is_held_while_a_call_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    limited, inside = Limited(Scripted(DOWN, None), concurrency=1), []

    async def look(seconds: float) -> None:
        inside.append(limited.inside)

    monkeypatch.setattr(retrying, "_sleep", look)
    assert (ask(patient(limited)), inside) == ([DONE], [0])
