"""What a search may cost: caps that hold, and at which every repeat ends at the same place; model time."""

import asyncio
import contextlib
import time
from pathlib import Path

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.pupil import RULE
from support.searched import Search

from optimize.optimizers import OPTIMIZERS
from optimize.search_budget import Allowance, Caps, Cost, Spent
from programs.core.background import run_sync
from programs.core.tools import using
from seedbed.config.models import ModelEntry
from seedbed.models.engines.embedded import EmbeddedEngine
from seedbed.models.engines.engine import Shared
from seedbed.models.layers.replayed import Replayed
from seedbed.storage.journal import Journal
from seedbed.storage.usage import Tally

SEARCHING = [name for name in OPTIMIZERS if name != "labeled"]


@pytest.mark.parametrize("optimizer", SEARCHING)
@pytest.mark.parametrize("cap", [10, 150])
def test_no_search_makes_more_calls_than_it_may_and_a_repeat_ends_at_the_same_place(
    tmp_path: Path, optimizer: str, cap: int
) -> None:
    searches = []
    for _ in range(2):
        searches.append(Search(tmp_path, optimizer, caps=Caps(calls=cap)))
        assert searches[-1].run().score > 0
    first, again = searches
    assert first.cost().calls <= cap
    assert (again.state, again.said, again.cost().calls) == (first.state, first.said, first.cost().calls)
    assert again.journal.tallies["small"].replayed == again.cost().calls
    stopped = any(f"compile.max_calls: {cap} is reached; kept the best so far" in line for line in first.said)
    assert stopped == (cap == 10 or optimizer != "bootstrap")


def test_under_a_cap_the_best_an_optimizer_has_found_stands_in_the_last_race(tmp_path: Path) -> None:
    search = Search(tmp_path, "copro", caps=Caps(calls=160))
    found = search.run()
    assert [line for line in search.said if "compile.max_calls: 160 is reached" in line]
    assert found.name.endswith("copro")
    assert RULE in search.program.step("answer_question").signature.instructions


@pytest.mark.parametrize("caps", [Caps(tokens=9000), Caps(minutes=0.5 / 60)])
def test_tokens_and_minutes_are_those_of_the_journal(tmp_path: Path, caps: Caps) -> None:
    (tmp_path / "slow.txt").write_text("0.01", encoding="utf-8")
    states = []
    for _ in range(2):
        search = Search(tmp_path, "random-search", caps=caps)
        search.run()
        states.append((search.state, search.said, search.cost()))
    assert states[0] == states[1]
    assert any("kept the best so far" in line for line in search.said)


@given(st.integers(1, 60), st.lists(st.integers(1, 9)), st.sampled_from([0.25, 0.5, 1.0]))
def test_calls_never_go_beyond_their_cap(cap: int, batches: list[int], share: float) -> None:
    made = [0]
    allowance = Allowance(Caps(calls=cap), lambda: Cost(calls=made[0])).part(share)
    try:
        for batch in batches:
            allowance.check(batch)
            made[0] += batch
    except Spent:
        assert made[0] + batch > cap * share
    assert made[0] <= cap * share


def test_the_wait_for_another_models_turn_is_no_time_at_work(tmp_path: Path) -> None:
    """Two embedded models of one slot, each asked once at one moment: the second one waits for the first."""
    worked: dict[str, float] = {}

    class Busy(Shared):
        def __init__(self, alias: str) -> None:
            self.alias = alias

        async def complete(self, request: dspy.lm15.Request) -> dspy.lm15.Response:
            began = time.monotonic()
            await asyncio.sleep(0.3)
            worked[self.alias] = time.monotonic() - began
            message = dspy.lm15.Message.assistant("x")
            return dspy.lm15.Response(
                id=None, model="m", message=message, finish_reason="stop", usage=dspy.lm15.Usage()
            )

    async def ask(alias: str, model: str) -> None:
        engine = EmbeddedEngine(ModelEntry(model=model), tmp_path)
        engine._opening = asyncio.get_running_loop().create_future()  # type: ignore[assignment]
        engine._opening.set_result((None, Busy(alias)))  # type: ignore[attr-defined]
        request = dspy.lm15.Request(model="m", messages=(dspy.lm15.Message.user("?"),))
        with using(continues=True):
            await Replayed(engine, alias, journal).complete(request)

    async def both() -> None:
        await asyncio.gather(ask("small", "embedded/smollm2-135m"), ask("large", "embedded/qwen2.5-coder-0.5b"))

    with contextlib.closing(Journal(tmp_path / "journal.sqlite")) as journal:
        run_sync(both())
        for alias, seconds in worked.items():
            assert seconds <= journal.tallies[alias].seconds < seconds + 0.15


def test_model_time_is_counted_once_whatever_ran_at_once(tmp_path: Path) -> None:
    class Waiting(Shared):
        identity, enforces_schema, continues, logprobs, concurrency = "waiting", True, True, False, 8

        async def complete(self, request: dspy.lm15.Request) -> dspy.lm15.Response:
            await asyncio.sleep(0.05)
            message = dspy.lm15.Message.assistant("x")
            return dspy.lm15.Response(
                id=None, model="m", message=message, finish_reason="stop", usage=dspy.lm15.Usage()
            )

    async def ask(journal: Journal) -> Tally:
        engine = Replayed(Waiting(), "small", journal)  # type: ignore[arg-type]
        texts = [dspy.lm15.Message.user(str(n)) for n in range(4)]
        await asyncio.gather(*(engine.complete(dspy.lm15.Request(model="m", messages=(text,))) for text in texts))
        return journal.tallies["small"]

    journal = Journal(tmp_path / "journal.sqlite")
    paid_for = run_sync(ask(journal)).seconds
    journal.tallies.clear()
    assert 0.05 <= paid_for < 0.15
    assert run_sync(ask(journal)).seconds == pytest.approx(paid_for)
