"""The book of a run's waves: which calls each carried, the provider's ticket for it, and the replies that came."""

import asyncio
import secrets
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seedbed.errors import UserError
from seedbed.storage.sqlite_store import Kind, Store, Write

_SCHEMA = """
create table if not exists waves (id text primary key, size integer, written real, job text);
create table if not exists asked (key text, wave text, position integer, reply blob, crc integer,
                                  primary key (key, wave));
create index if not exists by_wave on asked (wave, position);
"""
BOOK = Kind(
    "book of batches", "Put a copy of it back; moved away, it forgets the jobs under way, which are paid again."
)


GARBLED = b"unreadable"
"""What stands in the place of a reply that came, so that it was paid for, and cannot be read."""


class Wave(NamedTuple):
    """A wave: its id, how many calls it carries, when it was written down (seconds since 1970), and its ticket, the
    provider's job id; None where the ticket is not known."""

    id: str
    size: int
    written: float
    job: str | None

    @property
    def label(self) -> str:
        """What the job is called at a provider that keeps labels, and how the names of its calls begin at another."""
        return f"seedbed-{self.id}"


class WaveBook:
    """`batches.sqlite` beside the journal. Every write is on the disk when it returns.

    A wave stands here before it is sent, so whatever happens to this process, a call that may have been paid for is
    known, and so is where its reply is to be had. Every reply has a checksum; one that does not match counts as not
    there. Raises UserError where the file is none of ours, cannot be written, or has broken pages: it is never mended,
    for a wave it forgot would be paid twice.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path, _SCHEMA, BOOK)

    def carried(self, key: str) -> list[str]:
        """The waves that carried this call, oldest first."""
        query = "select wave from asked join waves on wave = id where key = ? order by written, id"
        return [row[0] for row in self._store.rows(query, key)]

    def wave(self, id: str) -> Wave | None:
        """A wave that stands in the book."""
        row = self._store.row("select id, size, written, job from waves where id = ?", id)
        return Wave(*row) if row else None

    def jobs(self) -> set[str]:
        """The tickets of all waves."""
        return {row[0] for row in self._store.rows("select job from waves where job is not null")}

    def reply(self, key: str, wave: str) -> bytes | None:
        """The reply this wave brought for a call, empty where it brought none, or GARBLED; None while that is not
        known."""
        row = self._store.row("select reply, crc from asked where key = ? and wave = ?", key, wave)
        return _sound(*row) if row else None

    def replies(self, wave: str) -> list[bytes] | None:
        """What the wave brought, in the order of its calls; empty where nothing came or it changed on the disk. None
        where nothing was kept of it yet."""
        kept = self._store.rows("select reply, crc from asked where wave = ? order by position", wave)
        return [_sound(*row) or b"" for row in kept] if any(reply is not None for reply, _ in kept) else None

    async def open(self, keys: Sequence[str]) -> Wave:
        """Write down a new wave and its calls, in their order."""
        wave = Wave(secrets.token_hex(6), len(keys), time.time(), None)
        asked = [("insert into asked values (?, ?, ?, null, null)", (key, wave.id, at)) for at, key in enumerate(keys)]
        await self._write(("insert into waves values (?, ?, ?, ?)", wave), *asked)
        return wave

    async def ticket(self, wave: str, job: str) -> None:
        """Keep a wave's ticket."""
        await self._write(("update waves set job = ? where id = ?", (job, wave)))

    async def keep(self, wave: str, replies: Sequence[bytes]) -> None:
        """Keep what a wave brought, in the order of its calls; empty where nothing came, or GARBLED."""
        change = "update asked set reply = ?, crc = ? where wave = ? and position = ?"
        rows = ((reply, zlib.crc32(reply), wave, position) for position, reply in enumerate(replies))
        await self._write(*((change, row) for row in rows))

    async def forget(self, wave: str) -> None:
        """Strike out a wave that never reached the provider."""
        await self._write(*_struck(wave))

    def settle(self, said: str) -> None:
        """Take a person's word for a wave without a ticket: `WAVE=JOB`, or `WAVE=none` where it was never sent.

        Raises UserError where the book holds no such wave or the wave has its ticket."""
        id, _, job = said.partition("=")
        row = self._store.row("select job from waves where id = ?", id)
        if not job or row is None or row[0] is not None:
            raise UserError(
                f"--batch-job {said} answers no question: it takes WAVE=JOB or WAVE=none for a wave without a job.",
                hint="Run without --batch-job; the message names the wave that is asked about, if there is one.",
            )
        struck = _struck(id) if job == "none" else [("update waves set job = ? where id = ?", (job, id))]
        self._store.write_now(*struck)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    async def _write(self, *writes: Write) -> None:
        await asyncio.to_thread(self._store.write_now, *writes)


def _sound(reply: bytes | None, crc: int | None) -> bytes | None:
    return reply if reply is not None and zlib.crc32(reply) == crc else None


def _struck(wave: str) -> list[Write]:
    return [("delete from asked where wave = ?", (wave,)), ("delete from waves where id = ?", (wave,))]
