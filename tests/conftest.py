"""What several test files share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile import Hostile

from seedbed.engines import endpoint
from seedbed.journal import Journal


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
    """Retries come at once; the seconds they would have waited are listed."""
    waited: list[float] = []
    honest = endpoint._wait
    monkeypatch.setattr(endpoint, "_wait", lambda attempt, asked: waited.append(honest(attempt, asked)) or 0.0)
    return waited
