"""The contract of a reply store, held by the journal of a run and by that of a Ray worker alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.flaky import DONE

from programs.core.background import run_sync
from seedbed.models.call_context import Scope
from seedbed.runs.ray.worker import WorkerJournal
from seedbed.runs.ray.worker_log import Log
from seedbed.storage.call import Call, ReplyStore
from seedbed.storage.journal import Journal

MADE = Call.of("key", "m", "a", b'{"model": "m"}', DONE, 1.0, 0.5)


@pytest.fixture(params=["journal", "worker"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReplyStore]:
    """The store, within the scope of candidate `a`."""
    with Scope("a").open():
        if request.param == "worker":
            worker = WorkerJournal(Log(tmp_path / "0.log"))
            worker.begin("a", [])
            yield worker
            return
        journal = Journal(tmp_path / "journal.sqlite")
        yield journal
        journal.close()


def test_what_is_kept_is_found(store: ReplyStore) -> None:
    run_sync(store.put(MADE))
    assert [store.get("key"), store.get("another")] == [(DONE, 0.5), None]


def test_the_request_is_found_with_its_reply(store: ReplyStore) -> None:
    run_sync(store.put(MADE))
    ((request, response),) = store.made(["another", "key"])
    assert (request, response["model"]) == ({"model": "m"}, DONE.model)


def test_a_reply_that_changed_is_none(store: ReplyStore) -> None:
    run_sync(store.put(MADE._replace(crc=MADE.crc ^ 1)))
    assert store.get("key") is None
