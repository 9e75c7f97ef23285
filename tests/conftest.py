"""What several test files share."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from support.hostile import Hostile

from seedbed.config.load import Config
from seedbed.models.layers import circuit_breaker as breaker
from seedbed.models.layers import retrying
from seedbed.storage.journal import Journal

# An example's time says how busy the machine is; laws are held, not times.
hypothesis.settings.register_profile("laws", deadline=None)
hypothesis.settings.load_profile("laws")


@pytest.fixture(scope="session", autouse=True)
def _no_report() -> None:
    """Runs and compiles write no page, which takes seconds, but where a test says `report: true`."""
    Config.model_fields["report"].default = False
    Config.model_rebuild(force=True)


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
