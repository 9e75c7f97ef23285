"""Runs in batch mode: waves, what the provider leaves unanswered, and other providers."""

import asyncio
import contextlib
import urllib.request
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from dspy import lm15
from support import batch_wire
from support.batch_server import BatchServer
from support.batch_wire import Fate
from support.waving import WIRES, Setting, drawn, invocation, openai, told, wired

from seedbed.errors import UserError
from seedbed.models.batch import barrier as waves
from seedbed.models.batch import provider_jobs as batch_service
from seedbed.models.batch.provider_jobs import LIMITS, BatchService, Limit
from seedbed.storage.usage import by_batch

pytest_plugins = ("support.batch_fixtures",)


def paid_once(provider: BatchServer, rows: int = 4, steps: int = 3) -> bool:
    """Whether each call of these rows was billed by the provider, once."""
    return len(provider.paid) == rows * steps and set(provider.paid.values()) == {1}


def unsent(setting: Setting) -> int:
    """How many waves are written down without a ticket."""
    return int(setting.book._store.row("select count(*) from waves where job is null")[0])


def within(folder: Path, provider: BatchServer, work: Callable[[Setting], Coroutine[Any, Any, None]]) -> Setting:
    """Do some work in a setting that is closed after it."""

    async def open_and_close() -> Setting:
        setting = Setting(folder, openai(provider.base))
        with contextlib.suppress(asyncio.CancelledError):
            await work(setting)
        await setting.close()
        return setting

    return asyncio.run(open_and_close())


def test_rows_of_three_steps_take_three_waves_and_hear_their_own_replies(provider: BatchServer, tmp_path: Path) -> None:
    replies, setting = asyncio.run(invocation(tmp_path, openai(provider.base)))
    assert replies == told()  # the results came out of order
    assert [len(job.prompts) for job in provider.jobs] == [4, 4, 4]
    assert paid_once(provider)
    assert setting.online.asked == []
    assert any("4 calls wait for it" in line for line in setting.said)


def test_a_wave_holds_no_more_calls_than_rows_live(provider: BatchServer, tmp_path: Path) -> None:
    replies, _ = asyncio.run(invocation(tmp_path, openai(provider.base), rows=5, steps=2, live=2))
    assert replies == told(5, 2)
    assert max(len(job.prompts) for job in provider.jobs) == 2
    assert paid_once(provider, 5, 2)


@pytest.mark.parametrize("limit", [Limit(3, 10**6), Limit(100, 700)], ids=["requests", "bytes"])
def test_a_wave_stays_within_what_the_provider_takes(
    provider: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: Limit
) -> None:
    monkeypatch.setitem(LIMITS, "openai", limit)
    replies, _ = asyncio.run(invocation(tmp_path, openai(provider.base), rows=7, steps=1))
    assert replies == told(7, 1)
    assert max(len(job.prompts) for job in provider.jobs) <= 6
    assert len(provider.jobs) >= 2
    assert paid_once(provider, 7, 1)


def test_a_row_that_is_busy_is_waited_for_but_not_for_ever(
    provider: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waves, "IDLE", 0.6)

    async def work(setting: Setting) -> None:
        async def busy(seconds: float, name: str) -> None:
            with setting.waves.row():
                await asyncio.sleep(seconds)
                await setting.ask(name)

        await asyncio.gather(busy(0, "quick"), busy(0.2, "slow"))
        await asyncio.gather(busy(0, "early"), busy(1.5, "too slow"))

    within(tmp_path, provider, work)
    assert [job.prompts for job in provider.jobs] == [["quick", "slow"], ["early"], ["too slow"]]


def test_a_row_that_was_stopped_is_left_out_and_equal_requests_of_other_draws_are_not(
    provider: BatchServer, tmp_path: Path
) -> None:
    async def work(setting: Setting) -> None:
        async with asyncio.TaskGroup() as rows:
            stopped = rows.create_task(setting.ask("stopped"))
            for draw in range(3):
                rows.create_task(drawn(setting, "same", draw))
            await asyncio.sleep(0.01)
            stopped.cancel()

    within(tmp_path, provider, work)
    assert [job.prompts for job in provider.jobs] == [["same"] * 3]


def test_a_call_asked_again_while_its_wave_is_on_its_way_is_sent_once(
    provider: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = BatchService.submit

    async def slowly(*args: Any) -> str:
        await asyncio.sleep(0.5)  # longer than a job takes to show in the list
        return await submit(*args)

    monkeypatch.setattr(BatchService, "submit", slowly)

    async def work(setting: Setting) -> None:
        stopped = asyncio.create_task(setting.ask("same"))
        while not unsent(setting):
            await asyncio.sleep(0.01)
        stopped.cancel()
        assert await setting.ask("same") == "re: same"

    within(tmp_path, provider, work)
    assert paid_once(provider, 1, 1)


def test_what_a_wave_leaves_unanswered_goes_into_the_next(provider: BatchServer, tmp_path: Path) -> None:
    provider.plan(Fate(answer=lambda place: ("ok", "error", "missing", "expired")[place]), Fate())
    replies, setting = asyncio.run(invocation(tmp_path, openai(provider.base), steps=1))
    assert replies == told(steps=1)
    assert sorted(len(job.prompts) for job in provider.jobs) == [3, 4]
    assert paid_once(provider, steps=1)
    assert setting.online.asked == []


def test_a_straggler_of_two_waves_goes_online(provider: BatchServer, tmp_path: Path) -> None:
    provider.plan(
        Fate(answer=lambda place: "error" if place == 2 else "ok"), Fate(answer=lambda place: "expired"), Fate()
    )
    replies, setting = asyncio.run(invocation(tmp_path, openai(provider.base), steps=1))
    assert replies == told(steps=1)
    assert setting.online.asked == ["row 2"]
    assert sum(provider.paid.values()) == 3


@pytest.mark.parametrize("end", ["failed", "expired", "cancelled"])
def test_a_job_that_comes_to_nothing_is_sent_once_more(provider: BatchServer, tmp_path: Path, end: str) -> None:
    provider.plan(Fate(end=end, answer=lambda place: "missing"), Fate())
    replies, setting = asyncio.run(invocation(tmp_path, openai(provider.base), steps=1))
    assert replies == told(steps=1)
    assert setting.online.asked == []
    assert [len(job.prompts) for job in provider.jobs] == [4, 4]
    assert any(f"{end} after" in line and "0 of 4 answered" in line for line in setting.said)


def test_a_job_that_someone_cancels_is_sent_once_more(provider: BatchServer, tmp_path: Path) -> None:
    provider.plan(Fate(looks=10**6), Fate())

    async def work(setting: Setting) -> None:
        row = asyncio.create_task(setting.row("row", 1))
        while not any("wait for it" in line for line in setting.said):
            await asyncio.sleep(0.01)
        cancel = urllib.request.Request(f"{provider.base}/batches/batch_0/cancel", method="POST")
        await asyncio.to_thread(urllib.request.urlopen, cancel)
        assert await row == "re: row"

    within(tmp_path, provider, work)
    assert [job.prompts for job in provider.jobs] == [["row"], ["row"]]


def test_an_outage_while_polling_is_waited_out(provider: BatchServer, tmp_path: Path) -> None:
    provider.outage = 5
    replies, setting = asyncio.run(invocation(tmp_path, openai(provider.base), steps=1))
    assert replies == told(steps=1)
    assert len(provider.jobs) == 1
    assert any("asking again" in line for line in setting.said)


@pytest.mark.parametrize("creation", ["full", "broken"])
def test_a_provider_that_takes_no_job_now_is_asked_until_it_does(
    provider: BatchServer, tmp_path: Path, creation: str
) -> None:
    provider.plan(Fate(creation=creation), Fate(creation=creation), Fate())
    replies, setting = asyncio.run(invocation(tmp_path, openai(provider.base), steps=1))
    assert replies == told(steps=1)
    assert paid_once(provider, steps=1)
    assert setting.online.asked == []


def test_a_job_that_is_refused_fails_its_calls_and_is_not_looked_for(provider: BatchServer, tmp_path: Path) -> None:
    provider.plan(Fate(creation="denied"), Fate())

    async def work(setting: Setting) -> None:
        with pytest.raises(lm15.AuthError):
            await setting.ask("row 0")
        assert unsent(setting) == 0
        assert await setting.ask("row 0") == "re: row 0"

    within(tmp_path, provider, work)
    assert paid_once(provider, 1, 1)


def test_what_the_batch_service_answered_is_known_from_the_journal(provider: BatchServer, tmp_path: Path) -> None:
    async def work(setting: Setting) -> None:
        await setting.ask("batched")
        await setting.ask("online", stop=("\n",))  # OpenAI's batches know no stop texts

    setting = within(tmp_path, provider, work)
    assert setting.online.asked == ["online"]

    async def look(again: Setting) -> None:
        records = [
            again.journal.get(row[0]) for row in again.journal._store.rows("select key from calls order by rowid")
        ]
        assert [by_batch(record[0]) for record in records if record] == [True, False]

    within(tmp_path, provider, look)


@pytest.mark.parametrize("wire", WIRES)
def test_every_provider_answers_in_its_own_words(provider: BatchServer, tmp_path: Path, wire: str) -> None:
    provider.plan(Fate(answer=lambda place: "error" if place == 1 else "ok"), Fate())
    replies, setting = asyncio.run(invocation(tmp_path, wired(wire, provider.base), steps=2))
    assert replies == told(steps=2)
    assert paid_once(provider, steps=2)
    assert setting.online.asked == []


@pytest.mark.parametrize("wire", WIRES)
def test_a_reply_that_cannot_be_read_costs_no_other_row(provider: BatchServer, tmp_path: Path, wire: str) -> None:
    provider.plan(Fate(answer=lambda place: "unreadable" if place in (1, 2) else "ok"), Fate())
    replies, setting = asyncio.run(invocation(tmp_path, wired(wire, provider.base), steps=1))
    assert replies == told(steps=1)
    assert sorted(len(job.prompts) for job in provider.jobs) == [2, 4]
    assert setting.online.asked == []
    assert any("4 of 4 answered, 2 of them with what cannot be read" in line for line in setting.said)


@pytest.mark.parametrize("wire", WIRES)
def test_a_line_separator_in_a_reply_ends_no_line_of_the_results(
    provider: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wire: str
) -> None:
    monkeypatch.setattr(batch_wire, "reply_to", lambda prompt: f"one\u2028two\x85{prompt}")
    replies, _ = asyncio.run(invocation(tmp_path, wired(wire, provider.base), steps=1))
    assert replies == [f"one\u2028two\x85row {k}" for k in range(4)]
    assert paid_once(provider, steps=1)


@pytest.mark.parametrize("wire", WIRES)
def test_a_reply_in_which_characters_were_lost_is_the_one_that_it_would_be_online(
    provider: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wire: str
) -> None:
    monkeypatch.setattr(batch_wire, "reply_to", lambda prompt: f"one \ud800 two {prompt}")
    replies, setting = asyncio.run(invocation(tmp_path, wired(wire, provider.base), steps=1))
    assert replies == [f"one \ufffd two row {k}" for k in range(4)]
    assert setting.online.asked == []
    assert paid_once(provider, steps=1)


@pytest.mark.parametrize("wire", sorted(WIRES.keys() - {"gemini"}))  # whose results are a part of the job itself
def test_a_reply_with_what_is_no_number_is_read(
    provider: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wire: str
) -> None:
    for name in ("_response", "_message"):
        answer = getattr(batch_wire, name)
        monkeypatch.setattr(batch_wire, name, lambda prompt, answer=answer: {**answer(prompt), "score": float("-inf")})
    replies, setting = asyncio.run(invocation(tmp_path, wired(wire, provider.base), steps=1))
    assert replies == [f"re: row {k}" for k in range(4)]
    assert setting.online.asked == []
    assert paid_once(provider, steps=1)


def test_a_provider_without_a_batch_service_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="mistral/small"):
        BatchService.of("mistral/small", "key", None)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UserError, match="OPENAI_API_KEY"):
        BatchService.of("openai/gpt-5-mini", None, None)


def test_pauses_between_looks_grow_to_a_bound() -> None:
    pauses = batch_service.pauses()
    first = [next(pauses) for _ in range(20)]
    assert first[0] == batch_service.FIRST_POLL
    assert first == sorted(first)
    assert first[-1] == batch_service.LONGEST_POLL
