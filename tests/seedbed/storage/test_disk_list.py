"""A spool behaves as the list it was given, and keeps none of it in memory; nothing that reads sources does either."""

import gc
import shutil
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.diversity import Sample
from programs.core.feed import ChunkFeed, FeedInput
from programs.core.options import PassageOptions
from programs.core.row import Exchange, Source, digest
from seedbed.config.load import load_config
from seedbed.errors import UserError
from seedbed.project.project import Project
from seedbed.project.template import write_project
from seedbed.storage.disk_list import DiskList

ITEMS = st.lists(st.one_of(st.text(), st.dictionaries(st.text(), st.integers()), st.binary(), st.none()), max_size=30)
SLICES = st.slices(30)
ONCE = PassageOptions(draws=1)


@given(ITEMS, SLICES, st.integers(-40, 40))
def test_a_spool_is_the_list_it_was_given(items: list[Any], part: slice, place: int) -> None:
    spool = DiskList(items)
    assert list(spool) == items
    assert (len(spool), bool(spool)) == (len(items), bool(items))
    assert spool[part] == items[part]
    assert list(reversed(spool)) == items[::-1]
    if -len(items) <= place < len(items):
        assert spool[place] == items[place]
    else:
        with pytest.raises(IndexError):
            spool[place]


def test_what_goes_wrong_while_items_are_made_is_not_hidden() -> None:
    def broken() -> Iterator[str]:
        yield "one"
        raise PermissionError("theirs")

    with pytest.raises(PermissionError, match="theirs"):
        DiskList(broken())


def test_a_full_disk_names_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("wb+", buffering=0) as full:
        monkeypatch.setattr(tempfile, "TemporaryFile", lambda **how: full)
        with pytest.raises(UserError, match="No space left") as caught:
            DiskList(["text"])
    assert "TMPDIR" in caught.value.hint


def passage(number: int) -> Source:
    text = f"Passage {number} " + "says a few words about the hive and its bees. " * 8
    return Source(id=digest(number), group=f"documents/{number // 10}.md", inputs={"document": text})


@given(st.sets(st.text(), max_size=20), st.integers(0, 3))
def test_passages_come_by_the_digest_of_their_ids(ids: set[str], seed: int) -> None:
    sources = [Source(id=id, group="g", inputs={}) for id in ids]
    feed = ChunkFeed(FeedInput(DiskList(sources), [], ONCE, seed))
    order = sorted(sources, key=lambda source: digest(seed, source.id))
    assert [feed.source_at(position) for position in range(len(ids) + 1)] == [*order, None]


def test_twenty_thousand_passages_take_a_megabyte() -> None:
    """8 bytes of places, 4 of order, 18 of what was reached: 30 bytes a passage, where its text alone has 370."""
    n = 20_000
    ChunkFeed(FeedInput(DiskList([passage(0)]), [], ONCE))  # what is imported late is not counted
    tracemalloc.start()
    sources = DiskList(map(passage, range(n)))
    feed, sample = ChunkFeed(FeedInput(sources, [], ONCE)), Sample(sources)
    for position in range(0, n, 10):
        source = feed.source_at(position)
        assert source
        sample.add(Exchange(asked="why?"), source)
    memory, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert memory < 1_000_000 + 32 * n


def test_a_projects_passages_are_the_same_at_every_look_and_not_in_memory(tmp_path: Path) -> None:
    write_project(tmp_path / "project", "grounded-qa")
    shutil.rmtree(tmp_path / "project/documents")
    (tmp_path / "project/documents").mkdir()
    for number in range(200):
        parts = [f"In year {number} of month {part} " + "the bees went about in the field. " * 30 for part in range(8)]
        (tmp_path / "project/documents" / f"more-{number}.txt").write_text("\n\n".join(parts), encoding="utf-8")
    config = load_config(tmp_path / "project/seedbed.yaml")
    Project(config, tmp_path / "project").feed()  # what is imported late is not counted
    project = Project(config, tmp_path / "project")
    tracemalloc.start()
    count = len(project.inputs.sources)
    picked = project.test_sources()
    gc.collect()
    memory, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count > 500
    assert memory < 700_000  # of 1.7 MB in 8,000 passages
    assert {source.group for source in picked} <= project.held_out
    assert picked == project.test_sources()
    assert len({source.id for source in project.inputs.sources}) == count
