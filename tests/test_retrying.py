"""What is tried again and when, and how a run waits for an endpoint that is down and is told when it is back."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from dspy import lm15
from dspy.utils import exceptions as dspy_errors
from hostile import Behaviour, Hostile, completion, dead_port, hangs, resets, says, sends, status, well_after
from hypothesis import given
from hypothesis import strategies as st

from programs.program import run_sync
from seedbed.engines import retrying
from seedbed.engines.breaker import PATIENCE, is_down
from seedbed.engines.endpoint import EndpointEngine
from seedbed.engines.engine import Shared
from seedbed.engines.limited import Limited
from seedbed.engines.provider import ProviderEngine
from seedbed.engines.retrying import RETRIES, Retrying, wait

pytestmark = pytest.mark.usefixtures("waits")
DONE = lm15.Response(
    id=None, model="m", message=lm15.Message.assistant("fine"), finish_reason="stop", usage=lm15.Usage()
)
DOWN = lm15.ServerError("overloaded", status=503)


def asking(text: str = "Say something.") -> lm15.Request:
    return lm15.Request(model="m", messages=(lm15.Message.user(text),))


class Stub(Shared):
    """An engine that answers as `answer(text)` does, and counts what it was asked and how much of it at once."""

    identity, enforces_schema, continues, concurrency, logprobs = "stub", True, False, 8, 0

    def __init__(self, answer: Callable[[str], Awaitable[object]]) -> None:
        self.answer, self.asked = answer, []
        self.most = self.inside = 0

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.asked.append(request.messages[0].text or "")
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.answer(self.asked[-1])
        finally:
            self.inside -= 1
        return DONE

    async def aclose(self) -> None:
        pass


class Scripted(Stub):
    """Meets its outcomes in their order, the last for ever: an error is raised, None is a reply."""

    def __init__(self, *outcomes: Exception | None) -> None:
        super().__init__(self._next)
        self.outcomes = list(outcomes)

    async def _next(self, text: str) -> None:
        await asyncio.sleep(0)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if outcome:
            raise outcome


def many(count: int) -> list[lm15.Request]:
    return [asking(str(n)) for n in range(count)]


def patient(engine: Any, patience: float = 600, **changes: Any) -> Retrying:
    return Retrying(engine, patience=patience, alias="far", **changes)


def ask(engine: Retrying, *requests: lm15.Request) -> list[Any]:
    """Replies and errors, in the order of the requests (one plain one if none are given), all asked at once."""

    async def work() -> list[Any]:
        return await asyncio.gather(*map(engine.complete, requests or [asking()]), return_exceptions=True)

    return run_sync(work())


def ask_server(server: Hostile, base: str | None = None) -> Any:
    async def work() -> Any:
        bare = EndpointEngine(base or server.base, "m", None, concurrency=4, timeout=0.2)
        try:
            return await patient(bare).complete(asking())
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
        ask_server(server)
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


def test_an_endpoint_that_goes_down_is_waited_for_and_both_is_said_once(waits: list[float]) -> None:
    lines: list[str] = []
    engine = patient(Scripted(None, *[DOWN] * 9, None), say=lines.append)
    assert ask(engine) + ask(engine, *many(2)) == [DONE] * 3
    assert lines[0] == "far is down (overloaded); waiting up to 600 s for it"
    assert lines[1:] == ["far answers again after 15 s"]


def test_pauses_between_questions_end_at_half_a_minute(waits: list[float]) -> None:
    engine = patient(Scripted(None, *[DOWN] * (PATIENCE + 9), None))
    ask(engine)
    ask(engine, *many(PATIENCE))
    assert waits[RETRIES:] == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30, 30, 30])


def test_when_patience_is_over_the_last_error_is_raised_to_all(waits: list[float]) -> None:
    stub = Scripted(None, *[DOWN] * 20, lm15.ServerError("still overloaded", status=503))
    engine = patient(stub, patience=100)
    ask(engine)
    ended = ask(engine, *many(20))
    assert {(str(one.message), is_down(one)) for one in ended} == {("still overloaded", True)}
    assert sum(waits[RETRIES:]) == pytest.approx(100)


def test_dspys_wrapping_does_not_hide_that_patience_is_over() -> None:
    engine = patient(Scripted(None, DOWN), patience=3)
    ask(engine)
    wrapped = dspy_errors.LMServerError("far: overloaded")
    wrapped.__cause__ = ask(engine, *many(2))[0]
    assert is_down(wrapped)
    assert not is_down(dspy_errors.LMServerError("no"))


def test_while_it_is_down_one_call_at_a_time_asks_and_then_all_go_on() -> None:
    calm = asyncio.Event()
    most: list[int] = []

    async def answer(text: str) -> None:
        await asyncio.sleep(0)
        if calm.is_set() and len(stub.asked) < 30:
            most.append(stub.inside)
            raise DOWN

    stub = Stub(answer)
    engine = patient(stub)
    ask(engine)
    calm.set()
    assert ask(engine, *many(16)) == [DONE] * 16
    assert most[-10:] == [1] * 10
    assert stub.most == 16


def test_a_prompt_that_fails_the_server_fails_alone() -> None:
    async def answer(text: str) -> None:
        await asyncio.sleep(0)
        if text == "poison":
            raise DOWN

    lines: list[str] = []
    engine = patient(Stub(answer), say=lines.append)
    ended = ask(engine) + ask(engine, asking("poison"), *many(5))
    assert (ended[:1] + ended[2:], type(ended[1]), is_down(ended[1])) == ([DONE] * 6, lm15.ServerError, False)
    assert lines == []


def test_a_prompt_that_fails_the_server_fails_alone_even_where_nothing_else_is_asked() -> None:
    async def answer(text: str) -> None:
        if text:
            raise DOWN

    engine, well, ended = patient(Stub(answer)), asking(""), []
    for poison in (asking("one"), asking("two")):
        ended += ask(engine, well) + ask(engine, poison)
    assert [type(one) for one in ended] == [lm15.Response, lm15.ServerError] * 2
    assert [is_down(one) for one in ended[1::2]] == [False, False]


def test_calls_that_fail_one_after_another_are_told_from_one_that_fails_often() -> None:
    engine = patient(Scripted(None, DOWN), patience=1)
    ask(engine)
    assert [is_down(ask(engine)[0]) for _ in range(2)] == [False, True]


def test_a_prompt_that_brings_the_server_down_each_time_is_given_up() -> None:
    refused = lm15.TransportError("cannot connect")
    refused.refused = True  # type: ignore[attr-defined]
    crashed: list[str] = []

    async def answer(text: str) -> None:
        await asyncio.sleep(0)
        if text == "poison":
            crashed.append(text)
            raise lm15.TransportError("the connection broke")
        if crashed:  # restarting
            crashed.clear()
            raise refused

    engine = patient(Stub(answer))
    ask(engine)
    ended = ask(engine, asking("poison"), *many(5))
    assert (type(ended[0]), ended[1:]) == (lm15.TransportError, [DONE] * 5)


def test_a_refusal_closes_the_breaker_for_it_is_an_answer() -> None:
    lines: list[str] = []
    stub = Scripted(None, *[DOWN] * PATIENCE, lm15.InvalidRequestError("bad", status=400))
    engine = patient(stub, say=lines.append)
    ask(engine)
    ended = ask(engine, *many(PATIENCE))
    assert ({type(one) for one in ended}, len(lines)) == ({lm15.InvalidRequestError}, 2)


def test_a_429_is_no_sign_that_the_endpoint_is_down() -> None:
    lines: list[str] = []
    busy = lm15.RateLimitError("slow down", status=429)
    engine = patient(Scripted(None, busy), say=lines.append)
    ask(engine)
    ended = ask(engine, *many(5))
    assert ({type(one) for one in ended}, lines) == ({lm15.RateLimitError}, [])


def test_without_patience_a_call_fails_at_once_and_one_asks_now_and_then(waits: list[float]) -> None:
    stub = Scripted(None, DOWN)
    engine = patient(stub, patience=0)
    ask(engine)
    down = ask(engine, *many(5)) + ask(engine, *many(3))
    assert ({is_down(one) for one in down}, len(stub.asked)) == ({True}, 1 + 5)
    waits.append(1.0)
    assert {type(one) for one in ask(engine, *many(3))} == {lm15.ServerError}
    assert len(stub.asked) == 1 + 5 + 1
    waits.append(2.0)
    stub.outcomes = [None]
    assert set(map(type, ask(engine, *many(3)))) == {lm15.ServerError, lm15.Response}
    assert ask(engine, *many(3)) == [DONE] * 3


def test_without_patience_no_call_waits_for_the_one_that_asks(waits: list[float]) -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    async def work() -> Exception | lm15.Response:
        stub = Scripted(None, DOWN)
        engine = patient(stub, patience=0)
        await asyncio.gather(*map(engine.complete, many(6)), return_exceptions=True)
        await asyncio.gather(*map(engine.complete, many(6)), return_exceptions=True)
        stub.answer = lambda text: hang()
        waits.append(30.0)
        asks = asyncio.ensure_future(engine.complete(asking()))
        await asyncio.sleep(0.01)
        waits.append(30.0)  # the next question would be due
        try:
            return await asyncio.wait_for(engine.complete(asking()), 1)
        except lm15.ServerError as error:
            return error
        finally:
            asks.cancel()

    assert is_down(run_sync(work()))


def test_a_call_cancelled_while_it_waits_lets_the_next_one_ask() -> None:
    async def work() -> Any:
        engine = patient(Scripted(None, *[DOWN] * 12, None))
        await engine.complete(asking())
        first, second = (asyncio.ensure_future(engine.complete(one)) for one in many(2))
        while not engine._breaker.is_open:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        first.cancel()
        return await asyncio.wait_for(second, 2)

    assert run_sync(work()) is DONE


def test_a_port_that_goes_dead_is_waited_for(server: Hostile) -> None:
    lines: list[str] = []

    async def work() -> Any:
        bare = EndpointEngine(server.base, "m", None, concurrency=4, timeout=1)

        def say(line: str) -> None:
            lines.append(line)

        engine = patient(bare, say=say)
        await engine.complete(asking())
        bare.base = dead_port()
        asked = asyncio.ensure_future(engine.complete(asking()))
        while not lines:
            await asyncio.sleep(0.001)
        bare.base = server.base
        try:
            return (await asked).text
        finally:
            await bare.aclose()

    assert run_sync(work()) == "fine"
    assert "cannot connect" in lines[0]
    assert len(lines) == 2


def test_a_server_with_503_for_a_while_costs_no_call(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    async def blink(seconds: float) -> None:
        await pause(seconds / 100)

    pause = asyncio.sleep
    monkeypatch.setattr("seedbed.engines.breaker._sleep", blink)
    monkeypatch.setattr("seedbed.engines.breaker._now", lambda: 0.0)
    monkeypatch.setattr(retrying, "_sleep", blink)

    async def work() -> list[Any]:
        bare = EndpointEngine(server.base, "m", None, concurrency=8, timeout=1)
        engine = patient(bare)
        await engine.complete(asking())
        server.plan(well_after(0.1, status(503)))
        replies = await asyncio.gather(*(engine.complete(asking()) for _ in range(12)))
        await bare.aclose()
        return [one.text for one in replies]

    assert run_sync(work()) == ["fine"] * 12
