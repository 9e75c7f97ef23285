"""What the tests of batch mode share."""

from collections.abc import Iterator

import pytest
from support.batch_server import BatchServer
from support.waving import QUICK


@pytest.fixture(scope="module")
def _provider() -> Iterator[BatchServer]:
    server = BatchServer()
    yield server
    server.stop()


@pytest.fixture
def provider(_provider: BatchServer, monkeypatch: pytest.MonkeyPatch) -> BatchServer:
    """A provider that answers every job well until it is told otherwise; our own waits are short."""
    for module, name, value in QUICK:
        monkeypatch.setattr(module, name, value)
    _provider.forget()
    return _provider
