"""What a model takes at once and a minute: never more in flight, never more in a minute, in order, and no slot lost."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from dspy import lm15
from dspy.utils.exceptions import LMRateLimitError
from hypothesis import given
from hypothesis import strategies as st
from support.hostile import Hostile, says, status

from programs.core.background import run_sync
from seedbed.models.engines.endpoint import EndpointEngine
from seedbed.models.engines.engine import Shared, free
from seedbed.models.layers.rate_limited import Limited, Pace, Window, tokens

ASK = lm15.Request(model="m", messages=(lm15.Message.user("Say something."),))
DONE = lm15.Response(
    id=None, model="m", message=lm15.Message.assistant("fine"), finish_reason="stop", usage=lm15.Usage()
)


class Stub(Shared):
    """An engine that answers when `work` is over, and lists when each call began and with what text."""

    identity, enforces_schema, continues, concurrency, logprobs = "stub", True, False, 8, 0

    def __init__(self, work: Callable[[], Coroutine[Any, Any, object]] = lambda: asyncio.sleep(0)) -> None:
        self.work, self.began, self.asked = work, [], []
        self.most = self.inside = 0

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.began.append(asyncio.get_running_loop().time())
        self.asked.append(request.messages[0].text)
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            await self.work()
        finally:
            self.inside -= 1
        return DONE

    async def aclose(self) -> None:
        pass


def asking(text: str, max_tokens: int | None = None) -> lm15.Request:
    return lm15.Request(model="m", messages=(lm15.Message.user(text),), config=lm15.Config(max_tokens=max_tokens))


async def ask_all(engine: Limited, *requests: lm15.Request) -> list[Any]:
    return await asyncio.gather(*map(engine.complete, requests), return_exceptions=True)


@given(st.integers(1, 64), st.lists(st.one_of(st.none(), st.integers(0, 5)), max_size=200))
def test_the_window_stays_between_one_and_its_most(most: int, events: list[int | None]) -> None:
    window = Window(most)
    for age in events:  # None is a success; else a 429 of a call that began so many cuts ago
        before = window.limit
        window.grow() if age is None else window.cut(window.cuts - age)
        assert 1 <= window.limit <= most
        if age is None:
            assert before <= window.limit <= before + 1
        else:
            assert window.limit == (before if age else max(1, before // 2))


@given(st.integers(2, 64))
def test_the_window_is_halved_at_once_and_wins_one_back_a_window(most: int) -> None:
    window = Window(most)
    window.cut(window.cuts)
    halved = window.limit
    for _ in range(halved + 1):
        window.grow()
    assert (halved, window.limit) == (most // 2, min(most, halved + 1))


@given(st.integers(2, 64), st.integers(1, 64))
def test_the_429s_of_one_round_trip_halve_the_window_once(most: int, refused: int) -> None:
    window = Window(most)
    seen = window.cuts
    for _ in range(refused):
        window.cut(seen)
    assert window.limit == most // 2


CALLS = st.lists(st.tuples(st.floats(0, 20), st.floats(0, 30)), min_size=1, max_size=80)


@given(st.floats(0.5, 100), CALLS)
def test_no_minute_holds_more_than_its_units_and_the_last_call(
    per_minute: float, calls: list[tuple[float, float]]
) -> None:
    pace, now, began = Pace(per_minute), 0.0, []
    for pause, units in calls:
        now = pace.ready(now + pause)
        pace.take(now, units)
        began.append((now, units))
    for first, _ in began:
        minute = [units for at, units in began if first <= at < first + 60]
        assert sum(minute[:-1]) <= per_minute + 1e-6


@given(st.integers(1, 300))
def test_a_busy_minute_holds_its_requests_and_hardly_fewer(per_minute: int) -> None:
    pace, now, begun = Pace(per_minute), 0.0, 0
    while now < 60 - 1e-6:
        pace.take(now, 1)
        now, begun = pace.ready(now), begun + 1
    assert 0.99 * per_minute - 1 <= begun <= per_minute


def test_calls_in_flight_stay_under_the_limit(server: Hostile) -> None:
    async def work() -> None:
        bare = EndpointEngine(server.base, "m", None, concurrency=3, timeout=5)
        await ask_all(Limited(bare, concurrency=3), *[ASK] * 12)
        await bare.aclose()

    server.plan(says("fine", after=0.02))
    run_sync(work())
    assert server.most == 3


def test_a_wave_of_429s_halves_what_is_in_flight(server: Hostile) -> None:
    async def work() -> tuple[list[Any], list[Any]]:
        bare = EndpointEngine(server.base, "m", None, concurrency=8, timeout=5)
        engine = Limited(bare, concurrency=8)
        refused = await ask_all(engine, *[ASK] * 8)
        server.most = 0
        answered = await ask_all(engine, *[ASK] * 7)
        await bare.aclose()
        return refused, answered

    server.plan(*[status(429)] * 8, says("fine", after=0.02))
    refused, answered = run_sync(work())
    assert {type(one) for one in refused} == {lm15.RateLimitError}
    assert [one.text for one in answered] == ["fine"] * 7
    assert server.most == 4


def test_a_429_with_a_wait_holds_every_call_of_the_model_back(server: Hostile) -> None:
    async def work() -> float:
        bare = EndpointEngine(server.base, "m", None, concurrency=4, timeout=5)
        engine = Limited(bare, concurrency=4)
        loop = asyncio.get_running_loop()
        await ask_all(engine, ASK)
        refused = loop.time()
        await ask_all(engine, ASK, ASK, ASK)
        await bare.aclose()
        return loop.time() - refused

    server.plan(status(429, retry_after_ms="120"), says("fine"))
    assert 0.11 <= run_sync(work()) < 2


@pytest.mark.parametrize("error", [lm15.RateLimitError, LMRateLimitError])
def test_the_429_of_a_provider_holds_too(error: type[Exception]) -> None:
    async def refuse() -> None:
        raise error("slow down", retry_after=3600.0)  # type: ignore[call-arg]

    async def work() -> float:
        engine = Limited(Stub(refuse), concurrency=4)
        await ask_all(engine, ASK)
        return engine._ready(0.0) - asyncio.get_running_loop().time()

    assert 59 < run_sync(work()) <= 60


def test_requests_are_spread_over_the_minute() -> None:
    stub = Stub()
    run_sync(ask_all(Limited(stub, concurrency=8, rpm=1200), *[ASK] * 6))
    assert stub.began[-1] - stub.began[0] >= 4 * 60 / 1200 - 0.05


def test_tokens_are_spread_over_the_minute() -> None:
    stub = Stub()
    run_sync(ask_all(Limited(stub, concurrency=8, tpm=240_000), *[asking("x" * 400, max_tokens=300)] * 4))
    assert stub.began[-1] - stub.began[0] >= 2 * 60 * 400 / 240_000 - 0.02


def test_a_call_of_more_tokens_than_a_minute_has_is_made() -> None:
    assert run_sync(ask_all(Limited(Stub(), concurrency=8, tpm=10), asking("x" * 400))) == [DONE]


def test_the_tokens_of_a_call_are_its_prompt_and_what_it_may_write() -> None:
    request = lm15.Request(
        model="m", system="s" * 4, messages=(lm15.Message.user("u" * 8),), config=lm15.Config(max_tokens=10)
    )
    assert tokens(request) == 13


@pytest.mark.parametrize("limits", [{}, {"rpm": 60_000}, {"tpm": 6_000_000}], ids=str)
def test_calls_begin_in_the_order_they_came(limits: dict[str, float]) -> None:
    stub = Stub()
    requests = [asking(str(n), max_tokens=1 + 900 * (n % 3 == 0)) for n in range(20)]
    run_sync(ask_all(Limited(stub, concurrency=2, **limits), *requests))
    assert stub.asked == [str(n) for n in range(20)]


@given(st.integers(1, 3), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6)), max_size=12))
def test_a_cancelled_call_leaves_its_slot_to_others(concurrency: int, cancels: list[tuple[int, int]]) -> None:
    async def work() -> tuple[int, int, list[Any]]:
        stub = Stub()
        engine = Limited(stub, concurrency=concurrency)
        tasks = [asyncio.ensure_future(engine.complete(ASK)) for _ in range(10)]
        for which, ticks in cancels:
            for _ in range(ticks):
                await asyncio.sleep(0)
            tasks[which].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        last = await asyncio.wait_for(ask_all(engine, *[ASK] * 4), 1)
        return engine.inside, stub.most, last

    inside, most, last = run_sync(work())
    assert (inside, last) == (0, [DONE] * 4)
    assert most <= concurrency


def test_a_call_cancelled_just_as_its_turn_came_gives_it_on() -> None:
    async def work() -> tuple[int, lm15.Response]:
        free = asyncio.Event()
        engine = Limited(Stub(free.wait), concurrency=1)
        first, second, third = (asyncio.ensure_future(engine.complete(ASK)) for _ in range(3))
        await asyncio.sleep(0)
        free.set()
        while not first.done():
            await asyncio.sleep(0)
        turn_has_come = engine.inside
        second.cancel()
        return turn_has_come, await asyncio.wait_for(third, 1)

    assert run_sync(work()) == (1, DONE)


def test_a_call_cancelled_while_it_waits_cost_nothing_and_one_in_flight_may_have() -> None:
    async def work() -> list[bool]:
        engine = Limited(Stub(asyncio.Event().wait), concurrency=1)
        tasks = [asyncio.ensure_future(watched(engine)) for _ in range(3)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        return await asyncio.gather(*tasks)

    async def watched(engine: Limited) -> bool:
        try:
            await engine.complete(ASK)
        except asyncio.CancelledError as error:
            return free(error)
        raise AssertionError("it was not cancelled")

    assert run_sync(work()) == [False, True, True]


def test_a_failed_call_leaves_its_slot() -> None:
    async def fail() -> None:
        raise lm15.ServerError("no")

    engine = Limited(Stub(fail), concurrency=1)
    failed = run_sync(ask_all(engine, ASK, ASK, ASK))
    assert ({type(one) for one in failed}, engine.inside) == ({lm15.ServerError}, 0)
