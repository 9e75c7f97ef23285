"""Batch mode, killed at every stage: nothing is paid twice, and no reply is lost or mistaken."""

import asyncio
import multiprocessing
import re
import signal
from pathlib import Path

import pytest
from support.batch_server import BatchServer
from support.batch_wire import Fate
from support.waving import STAGES, WIRES, Setting, invocation, killed, openai, told, wired

from seedbed.errors import UserError
from seedbed.models.batch import provider_jobs as batch_service
from seedbed.models.batch.job_store import WaveBook
from seedbed.models.batch.provider_jobs import Limit

pytest_plugins = ("support.batch_fixtures",)


def kill(base: str, folder: Path, stage: str, time: int = 1, wire: str = "openai") -> None:
    """Run an invocation in a process of its own, up to its death at a stage."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["seedbed.models.batch.engine", "seedbed.models.layers.replayed"])
    process = context.Process(target=killed, args=(base, folder, stage, time, wire))
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("time", [1, 2])
@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("wire", WIRES)
def test_a_run_killed_at_any_stage_pays_once_and_ends_alike(
    provider: BatchServer, tmp_path: Path, wire: str, stage: str, time: int
) -> None:
    kill(provider.base, tmp_path, stage, time, wire)
    replies, setting = asyncio.run(invocation(tmp_path, wired(wire, provider.base)))
    assert replies == told()
    assert set(provider.paid.values()) == {1}
    assert len(provider.paid) == 12
    assert setting.online.asked == []


def test_a_job_outlives_days_without_us(provider: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider.plan(Fate(looks=10**6), Fate())
    kill(provider.base, tmp_path, "while polling")
    for _ in range(batch_service.LISTED):  # the ticket is known, so nothing is looked for among them
        provider.stranger(4)
    provider.finish()
    replies, _ = asyncio.run(invocation(tmp_path, openai(provider.base)))
    assert replies == told()
    assert set(provider.paid.values()) == {1}


def test_replies_that_were_fetched_need_no_provider(provider: BatchServer, tmp_path: Path) -> None:
    kill(provider.base, tmp_path, "before a row is journalled")
    jobs, provider.jobs = provider.jobs, []  # the provider has dropped them since

    async def first_step() -> list[str]:
        setting = Setting(tmp_path, openai(provider.base))
        try:
            return list(await asyncio.gather(*(setting.row(f"row {k}", 1) for k in range(4))))
        finally:
            await setting.close()

    assert asyncio.run(first_step()) == told(steps=1)
    assert len(jobs) == 1
    assert provider.jobs == []


@pytest.mark.parametrize("creation", ["taken", "lost"])
def test_a_job_whose_label_is_lost_is_asked_about_once_its_size_is_told(
    provider: BatchServer, tmp_path: Path, creation: str
) -> None:
    provider.plan(Fate(label=False), Fate(label=False, creation=creation, looks=6, validating=4), Fate())
    provider.stranger(3)
    provider.stranger(4, label="someone's")
    if creation == "taken":
        kill(provider.base, tmp_path, "before the ticket is stored", time=2)
    question, wave = asks(provider, tmp_path)
    assert provider.jobs[-1].id in str(question)
    assert not any(job.id in str(question) for job in provider.jobs[:-1])
    answers(tmp_path, f"{wave}={provider.jobs[-1].id}")
    assert asyncio.run(invocation(tmp_path, openai(provider.base)))[0] == told()
    assert set(provider.paid.values()) == {1}


@pytest.mark.parametrize("hours", [-14, 0, 2])
@pytest.mark.parametrize("wire", WIRES)
def test_a_lost_ticket_is_found_however_the_clocks_differ(
    provider: BatchServer, tmp_path: Path, wire: str, hours: int
) -> None:
    provider.clock = hours * 3600
    provider.plan(Fate(creation="lost"), Fate())
    replies, setting = asyncio.run(invocation(tmp_path, wired(wire, provider.base), steps=1))
    assert replies == told(steps=1)
    assert set(provider.paid.values()) == {1}
    assert any("found again" in line for line in setting.said)


@pytest.mark.parametrize("wire", WIRES)
def test_another_runs_wave_of_the_same_size_and_hour_is_not_ours(
    provider: BatchServer, tmp_path: Path, wire: str
) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    kill(provider.base, ours, "before it is submitted", wire=wire)
    assert asyncio.run(invocation(theirs, wired(wire, provider.base), steps=1, name="case"))[0] == told(
        steps=1, name="case"
    )
    assert asyncio.run(invocation(ours, wired(wire, provider.base)))[0] == told()
    assert set(provider.paid.values()) == {1}


def test_of_strangers_jobs_the_wave_is_told_by_the_names_of_its_calls(provider: BatchServer, tmp_path: Path) -> None:
    provider.plan(Fate(creation="lost", looks=8), Fate())
    provider.stranger(4)
    provider.stranger(4)
    replies, setting = asyncio.run(invocation(tmp_path, wired("anthropic", provider.base)))
    assert replies == told()
    assert set(provider.paid.values()) == {1}
    assert any("batch_2: found again" in line for line in setting.said)


@pytest.mark.parametrize("wire", ["openai", "azure", "gemini"])
def test_a_strangers_job_without_a_label_is_never_taken_unasked(
    provider: BatchServer, tmp_path: Path, wire: str
) -> None:
    kill(provider.base, tmp_path, "before it is submitted", wire=wire)
    provider.stranger(4)
    question, wave = asks(provider, tmp_path, wire)
    assert provider.jobs[0].id in str(question)
    answers(tmp_path, f"{wave}=none")
    assert asyncio.run(invocation(tmp_path, wired(wire, provider.base)))[0] == told()


def asks(provider: BatchServer, folder: Path, wire: str = "openai") -> tuple[UserError, str]:
    """The question a run stops with, and the wave it is about."""
    with pytest.raises(UserError) as raised:
        asyncio.run(invocation(folder, wired(wire, provider.base)))
    match = re.search(r"--batch-job (\w+)=none", raised.value.hint)
    assert match
    return raised.value, match[1]


def answers(folder: Path, answer: str) -> None:
    """What `seedbed run --batch-job` does before the run."""
    book = WaveBook(folder / "batches.sqlite")
    try:
        book.settle(answer)
    finally:
        book.close()


@pytest.mark.parametrize("sent", [True, False])
def test_two_jobs_that_may_be_the_wave_make_the_run_ask_and_it_takes_the_answer(
    provider: BatchServer, tmp_path: Path, sent: bool
) -> None:
    provider.plan(Fate(label=False), Fate())
    provider.stranger(4)
    if sent:
        kill(provider.base, tmp_path, "before the ticket is stored")
    else:
        kill(provider.base, tmp_path, "before it is submitted")
        provider.stranger(4)
    question, wave = asks(provider, tmp_path)
    assert all(job.id in str(question) for job in provider.jobs)
    assert asks(provider, tmp_path)[1] == wave  # it does not guess the second time either
    answers(tmp_path, f"{wave}={provider.jobs[1].id if sent else 'none'}")
    replies, _ = asyncio.run(invocation(tmp_path, openai(provider.base)))
    assert replies == told()
    assert set(provider.paid.values()) == {1}


def test_two_lost_waves_of_one_size_are_never_mistaken_for_each_other(
    provider: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(batch_service.LIMITS, "openai", Limit(2, 10**6))
    provider.plan(Fate(label=False, creation="lost"), Fate(creation="broken"), Fate())
    assert "batch_0" in str(asks(provider, tmp_path)[0])


def test_a_size_the_provider_never_tells_makes_the_run_ask(provider: BatchServer, tmp_path: Path) -> None:
    provider.plan(Fate(label=False, counts=False), Fate())
    kill(provider.base, tmp_path, "before the ticket is stored")
    assert "batch_0" in str(asks(provider, tmp_path)[0])


def test_a_list_that_does_not_reach_back_makes_the_run_ask(
    provider: BatchServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill(provider.base, tmp_path, "before it is submitted")
    monkeypatch.setattr(batch_service, "LISTED", 3)
    for _ in range(3):
        provider.stranger(9, label="someone's")
    assert "does not reach back" in str(asks(provider, tmp_path)[0])
    provider.jobs[0].created -= 2 * batch_service.DRIFT  # now it does
    assert asyncio.run(invocation(tmp_path, openai(provider.base)))[0] == told()


def test_a_job_the_provider_no_longer_knows_stops_the_run(provider: BatchServer, tmp_path: Path) -> None:
    kill(provider.base, tmp_path, "while polling")
    provider.jobs.clear()
    with pytest.raises(UserError, match="batch_0"):
        asyncio.run(invocation(tmp_path, openai(provider.base)))


@pytest.mark.parametrize("answer", ["nonsense", "0123=", "0123=none"])
def test_an_answer_to_no_question_is_refused(tmp_path: Path, answer: str) -> None:
    with pytest.raises(UserError, match="names no wave without a job"):
        answers(tmp_path, answer)


@pytest.mark.parametrize("answer", ["none", "another"])
def test_no_answer_is_taken_for_a_wave_whose_job_is_known(tmp_path: Path, answer: str) -> None:
    book = WaveBook(tmp_path / "batches.sqlite")
    wave = asyncio.run(book.open(["key"]))
    asyncio.run(book.ticket(wave.id, "batch_0"))
    book.close()
    with pytest.raises(UserError, match="names no wave without a job"):
        answers(tmp_path, f"{wave.id}={answer}")
