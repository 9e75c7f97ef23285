"""A call is booked by what became of it: its usage, nothing, or all it can have cost."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import dspy
import pytest
from dspy import lm15
from dspy.utils import exceptions as dspy_errors

from seedbed.config.sections import Budget
from seedbed.errors import BudgetReached, UserError
from seedbed.models.engines.engine import Shared, free
from seedbed.models.layers.budgeted import Budgeted
from seedbed.models.layers.rate_limited import Limited
from seedbed.models.prices import Price
from seedbed.storage.ledger import Ledger, Spending

ASK = lm15.Request(model="m", messages=(lm15.Message.user("Hello."),), config=lm15.Config(max_tokens=100))
PRICE = Price(1.0, 10.0)
MOST = PRICE.most(ASK) or 0.0


class Fake(Shared):
    """An engine that does as it is told."""

    identity, enforces_schema, continues, concurrency = "fake", True, False, 4

    def __init__(self, does: Callable[[], Awaitable[lm15.Usage]]) -> None:
        self.does, self.calls = does, 0

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.calls += 1
        usage = await self.does()
        return lm15.Response(
            id=None, model="m", message=lm15.Message.assistant("hi"), finish_reason="stop", usage=usage
        )

    async def aclose(self) -> None:
        pass


async def says(**usage: Any) -> lm15.Usage:
    return lm15.Usage(**usage)


async def fails(error: BaseException) -> lm15.Usage:
    raise error


def booked(folder: Path, does: Callable[[], Awaitable[lm15.Usage]], price: Price | None = PRICE) -> Spending | None:
    """What the ledger holds after one call."""

    async def work() -> Spending | None:
        ledger = Ledger(folder / "ledger.sqlite", "a", Budget())
        try:
            await Budgeted(Fake(does), ledger, "m", price).complete(ASK)
        except (lm15.LM15Error, dspy_errors.LMError, RuntimeError):
            pass
        finally:
            total = (await ledger.totals()).get("m")
            await ledger.aclose()
        return total

    return asyncio.run(work())


def test_a_reply_costs_its_usage(tmp_path: Path) -> None:
    assert booked(tmp_path, lambda: says(input_tokens=30, output_tokens=7)) == Spending(1, 100e-6, 0, 0)


def test_a_reply_that_does_not_say_what_it_used_costs_the_most_it_can_have(tmp_path: Path) -> None:
    total = booked(tmp_path, says)
    assert total
    assert (total.calls, total.unanswered, total.usd) == (1, 0, pytest.approx(MOST))


def refused() -> lm15.TransportError:
    error = lm15.TransportError("cannot connect")
    error.refused = True
    return error


FREE: dict[str, BaseException] = {
    **{str(status): lm15.ProviderError("no", status=status) for status in (400, 401, 402, 403, 404, 413, 422, 429)},
    "500": lm15.ServerError("oh", status=500),
    "503": lm15.ServerError("no room", status=503),
    "529": lm15.ServerError("overloaded", status=529),
    "refused connection": refused(),
    "a feature the provider lacks": lm15.UnsupportedFeatureError("no", feature="config.seed"),
    "dspy's 401": dspy_errors.LMAuthError("no", status=401),
}
KEPT: dict[str, BaseException] = {
    "timeout": lm15.TimeoutError("no reply within 1 s"),
    "504": lm15.TimeoutError("gateway", status=504),
    **{
        str(status): lm15.ServerError("gateway", status=status)
        for status in (408, 499, 502, 507, 520, 521, 522, 523, 524)
    },
    "dspy's 502": dspy_errors.LMServerError("gateway", status=502),
    "dspy's 504": dspy_errors.LMProviderError("gateway", status=504),
    "broken connection": lm15.TransportError("the connection broke"),
    "an unreadable 200": lm15.ServerError("the server's reply is not a completion"),
    "dspy's timeout": dspy_errors.LMTimeoutError("late"),
    "a bug": RuntimeError("oh"),
}


@pytest.mark.parametrize("error", FREE.values(), ids=FREE.keys())
def test_what_was_refused_costs_nothing(tmp_path: Path, error: BaseException) -> None:
    assert free(error)
    assert booked(tmp_path, lambda: fails(error)) == Spending(0, 0, 0, 0)


@pytest.mark.parametrize("error", KEPT.values(), ids=KEPT.keys())
def test_what_may_have_been_worked_on_costs_the_most_it_can_have(tmp_path: Path, error: BaseException) -> None:
    assert not free(error)
    total = booked(tmp_path, lambda: fails(error))
    assert total
    assert (total.calls, total.unanswered, total.unanswered_usd) == (1, 1, pytest.approx(MOST))


def test_a_cancelled_call_costs_all_unless_it_was_never_sent(tmp_path: Path) -> None:
    async def hangs() -> lm15.Usage:
        await asyncio.sleep(60)
        raise AssertionError("unreachable")

    async def work() -> None:
        ledger = Ledger(tmp_path / "ledger.sqlite", "a", Budget())
        engine = Budgeted(Limited(Fake(hangs), concurrency=1), ledger, "m", PRICE)
        calls = [asyncio.create_task(engine.complete(ASK)) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert (await ledger.totals())["m"].calls == 3
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        total = (await ledger.totals())["m"]
        assert (total.calls, total.unanswered) == (1, 1)  # two were held back by the limit
        await ledger.aclose()

    asyncio.run(work())


def test_no_call_is_sent_beyond_the_cap(tmp_path: Path) -> None:
    async def work() -> int:
        ledger = Ledger(tmp_path / "ledger.sqlite", "a", Budget(max_usd=3.5 * MOST))
        engine = Fake(lambda: says(input_tokens=30, output_tokens=100))
        calls = (Budgeted(engine, ledger, "m", PRICE).complete(ASK) for _ in range(20))
        over = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(error) for error in over} == {lm15.Response, BudgetReached}
        total = (await ledger.totals())["m"]
        assert total.usd is not None
        assert total.usd <= 3.5 * MOST
        assert total.calls == engine.calls
        await ledger.aclose()
        return engine.calls

    assert asyncio.run(work()) == 3  # a little is left of the cap, for each costs less than it can


def test_an_unknown_price_under_a_cap_in_dollars_sends_nothing(tmp_path: Path) -> None:
    async def work() -> None:
        ledger = Ledger(tmp_path / "ledger.sqlite", "a", Budget(max_usd=1))
        engine = Fake(says)
        unbounded = lm15.Request(model="m", messages=ASK.messages)
        for price, request in ((None, ASK), (PRICE, unbounded)):
            with pytest.raises(UserError, match=r"budget\.max_usd: what a call to m costs is unknown"):
                await Budgeted(engine, ledger, "m", price).complete(request)
        assert not engine.calls
        await ledger.aclose()

    asyncio.run(work())


def test_a_reached_budget_passes_through_dspys_evaluators() -> None:
    def program(**_: Any) -> None:
        raise BudgetReached("budget.max_usd: 5 is reached")

    examples = [dspy.Example(x="1").with_inputs("x"), dspy.Example(x="2").with_inputs("x")]
    with pytest.raises(BudgetReached):
        dspy.Evaluate(devset=examples, metric=lambda *_: 1.0, num_threads=1)(program)
