"""`run: {mode: batch}` through the command line: the same rows as online, in a few jobs, at half the price."""

import zlib

import pytest
from support import batch_wire
from support.batch_fixtures import _provider, provider  # noqa: F401  # fixtures
from support.batch_server import BatchServer
from support.served import INPUT_PRICE, OUTPUT_PRICE, Served, reply, served  # noqa: F401


@pytest.fixture
def batched(served: Served, provider: BatchServer, monkeypatch: pytest.MonkeyPatch) -> Served:  # noqa: F811
    """A project whose model is behind a batch service that answers as the server online does."""
    monkeypatch.setattr(batch_wire, "reply_to", lambda prompt: reply(prompt, zlib.crc32(prompt.encode())))
    return served


def test_a_batched_run_gives_the_rows_of_one_online(batched: Served, provider: BatchServer) -> None:  # noqa: F811
    assert batched.run("online", 12) == 0
    assert batched.run("batched", 12, run__mode="batch", models__mock__api_base=provider.base) == 0
    assert [row["id"] for row in batched.rows("batched")] == [row["id"] for row in batched.rows("online")]
    assert len(provider.jobs) <= 3 * 4, "a wave for each step, and for what the gates turned down"
    assert sum(provider.paid.values()) == batched.report("batched")["calls"]


def test_a_batched_call_costs_half(batched: Served, provider: BatchServer) -> None:  # noqa: F811
    assert batched.run("batched", 6, run__mode="batch", models__mock__api_base=provider.base) == 0
    report = batched.report("batched")
    whole = (report["input_tokens"] * INPUT_PRICE + report["output_tokens"] * OUTPUT_PRICE) / 1e6
    assert report["dollars"] == pytest.approx(whole / 2)
    assert report["ledger"]["mock"]["usd"] == pytest.approx(whole / 2)


def test_a_cap_that_is_far_off_makes_no_more_waves(batched: Served, provider: BatchServer) -> None:  # noqa: F811
    assert batched.run("batched", 30, run__mode="batch", run__max_usd=100, models__mock__api_base=provider.base) == 0
    assert [len(job.prompts) for job in provider.jobs] == [30, 30, 30]


def test_a_finished_batched_run_asks_nothing_again(batched: Served, provider: BatchServer) -> None:  # noqa: F811
    settings = {"run__mode": "batch", "models__mock__api_base": provider.base}
    assert batched.run("batched", 6, **settings) == 0
    before, jobs = batched.bytes("batched"), len(provider.jobs)
    assert batched.run("batched", 6, **settings) == 0
    assert (batched.bytes("batched"), len(provider.jobs)) == (before, jobs)


def test_a_model_without_a_batch_service_is_refused(served: Served, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    assert served.run("ds", 2, run__mode="batch", models__mock__api_base=None, models__mock__model="mistral/x") == 2
    assert "batch service" in capsys.readouterr().err


def test_keys_that_a_batch_would_not_send_are_refused(
    batched: Served,
    provider: BatchServer,  # noqa: F811
    capsys: pytest.CaptureFixture[str],
) -> None:
    batched.change(lambda config: config["models"]["mock"].update(extra={"top_k": 7}, api_base=provider.base))
    assert batched.run("batched", 2, run__mode="batch") == 2
    assert "models.mock.extra" in capsys.readouterr().err
    assert provider.jobs == []


def test_a_wave_is_a_batched_runs_matter(served: Served, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: F811
    assert served.run("ds", 2, "--batch-job", "abc=none") == 2
    assert "sends no batches" in capsys.readouterr().err
