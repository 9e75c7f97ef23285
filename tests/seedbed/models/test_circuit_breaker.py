"""How calls wait for an endpoint that is down, and what a person is told of it."""

import asyncio
from typing import Any

import pytest
from dspy import lm15
from dspy.utils import exceptions as dspy_errors
from support.flaky import DONE, DOWN, Scripted, Stub, ask, asking, many, patient
from support.hostile import Hostile, dead_port, status, well_after

from programs.core.background import run_sync
from seedbed.models.engines.endpoint import EndpointEngine
from seedbed.models.layers import retrying
from seedbed.models.layers.circuit_breaker import FAILED_ATTEMPTS, is_down
from seedbed.models.layers.retrying import RETRIES

pytestmark = pytest.mark.usefixtures("waits")


def test_an_endpoint_that_goes_down_is_waited_for_and_both_is_said_once(waits: list[float]) -> None:
    lines: list[str] = []
    engine = patient(Scripted(None, *[DOWN] * 9, None), say=lines.append)
    assert ask(engine) + ask(engine, *many(2)) == [DONE] * 3
    assert lines[0] == "far is down (overloaded); waiting up to 600 s for it"
    assert lines[1:] == ["far answers again after 15 s"]


def test_pauses_between_questions_end_at_half_a_minute(waits: list[float]) -> None:
    engine = patient(Scripted(None, *[DOWN] * (FAILED_ATTEMPTS + 9), None))
    ask(engine)
    ask(engine, *many(FAILED_ATTEMPTS))
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
    stub = Scripted(None, *[DOWN] * FAILED_ATTEMPTS, lm15.InvalidRequestError("bad", status=400))
    engine = patient(stub, say=lines.append)
    ask(engine)
    ended = ask(engine, *many(FAILED_ATTEMPTS))
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
    monkeypatch.setattr("seedbed.models.layers.circuit_breaker._sleep", blink)
    monkeypatch.setattr("seedbed.models.layers.circuit_breaker._now", lambda: 0.0)
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
