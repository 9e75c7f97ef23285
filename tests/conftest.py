"""What several test files share."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from support.hostile import Hostile

from seedbed.cli import compile as compiling
from seedbed.cli import run
from seedbed.models.layers import circuit_breaker as breaker
from seedbed.models.layers import retrying
from seedbed.storage.journal import Journal

# An example's time says how busy the machine is; laws are held, not times.
hypothesis.settings.register_profile("laws", deadline=None)
hypothesis.settings.load_profile("laws")


@pytest.fixture(scope="session")
def _server() -> Iterator[Hostile]:
    server = Hostile()
    yield server
    server.stop()


@pytest.fixture
def server(_server: Hostile) -> Hostile:
    """A model server on loopback that says "fine" until it is told otherwise."""
    _server.forget()
    return _server


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite")
    yield journal
    journal.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nothing waits to try again: the seconds it would have are listed, and the breaker's clock shows their sum."""
    waited: list[float] = []
    pause = asyncio.sleep

    async def hurry(seconds: float) -> None:
        waited.append(seconds)
        await pause(0)

    monkeypatch.setattr(retrying, "_sleep", hurry)
    monkeypatch.setattr(breaker, "_sleep", hurry)
    monkeypatch.setattr(breaker, "_now", lambda: sum(waited))
    return waited


@pytest.fixture(autouse=True)
def _no_reports(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page takes seconds: only tests that are marked `reports` have a run and a compile write one."""
    if not request.node.get_closest_marker("reports"):
        monkeypatch.setattr(run, "report_of_run", lambda config, folder: None)
        monkeypatch.setattr(compiling, "report_of_compile", lambda config, compiled: None)
