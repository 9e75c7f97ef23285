"""The store of a run's waves: the calls of each wave, its ticket from the provider, and the replies."""

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
BOOK = Kind("book of batches", "Put a copy of it back. Without it, the jobs under way are paid again.")


GARBLED = b"unreadable"
"""Stands for a reply that arrived, and so was paid for, but cannot be read."""


class Wave(NamedTuple):
    """A wave: its id, its number of calls, when it was written down (seconds since 1970), and its ticket, which is the
    provider's job id; None if the ticket is not known."""

    id: str
    size: int
    written: float
    job: str | None

    @property
    def label(self) -> str:
        """The job's label at a provider that keeps labels; at another, the prefix of its calls' names."""
        return f"seedbed-{self.id}"


class WaveBook:
    """`batches.sqlite` beside the journal. Every write is on the disk when it returns.

    A wave is written here before it is sent. So, whatever happens to this process, every call that may have been paid
    for is known, and where to get its reply. Every reply has a checksum; a reply that does not match counts as missing.
    Raises UserError if the file is not ours, cannot be written, or has broken pages. It is never repaired, because a
    wave that got lost would be paid twice.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path, _SCHEMA, BOOK)

    def carried(self, key: str) -> list[str]:
        """The ids of the waves that carried this call, oldest first."""
        query = "select wave from asked join waves on wave = id where key = ? order by written, id"
        return [row[0] for row in self._store.rows(query, key)]

    def wave(self, id: str) -> Wave | None:
        """The wave with this id; None if the store has none."""
        row = self._store.row("select id, size, written, job from waves where id = ?", id)
        return Wave(*row) if row else None

    def jobs(self) -> set[str]:
        """The tickets of all waves."""
        return {row[0] for row in self._store.rows("select job from waves where job is not null")}

    def reply(self, key: str, wave: str) -> bytes | None:
        """This wave's reply to a call: empty if there is none, or GARBLED; None while it is not known."""
        row = self._store.row("select reply, crc from asked where key = ? and wave = ?", key, wave)
        return _sound(*row) if row else None

    def replies(self, wave: str) -> list[bytes] | None:
        """The wave's replies, in the order of its calls; a reply that did not come or changed on the disk is empty.
        None if no reply is stored yet."""
        rows = self._store.rows("select reply, crc from asked where wave = ? order by position", wave)
        return [_sound(*row) or b"" for row in rows] if any(reply is not None for reply, _ in rows) else None

    async def open(self, keys: Sequence[str]) -> Wave:
        """Write down a new wave and its calls, in their order."""
        wave = Wave(secrets.token_hex(6), len(keys), time.time(), None)
        calls = [("insert into asked values (?, ?, ?, null, null)", (key, wave.id, at)) for at, key in enumerate(keys)]
        await self._write(("insert into waves values (?, ?, ?, ?)", wave), *calls)
        return wave

    async def ticket(self, wave: str, job: str) -> None:
        """Store a wave's ticket."""
        await self._write(("update waves set job = ? where id = ?", (job, wave)))

    async def keep(self, wave: str, replies: Sequence[bytes]) -> None:
        """Store a wave's replies, in the order of its calls: empty if none came, GARBLED if it cannot be read."""
        change = "update asked set reply = ?, crc = ? where wave = ? and position = ?"
        rows = ((reply, zlib.crc32(reply), wave, position) for position, reply in enumerate(replies))
        await self._write(*((change, row) for row in rows))

    async def forget(self, wave: str) -> None:
        """Delete a wave that never reached the provider."""
        await self._write(*_deletion(wave))

    def settle(self, answer: str) -> None:
        """Store a person's answer about a wave without a ticket: `WAVE=JOB`, or `WAVE=none` if it was never sent.

        Raises UserError if the store has no such wave or the wave has a ticket."""
        id, _, job = answer.partition("=")
        row = self._store.row("select job from waves where id = ?", id)
        if not job or row is None or row[0] is not None:
            raise UserError(
                f"--batch-job {answer} names no wave without a job: write WAVE=JOB or WAVE=none.",
                hint="Run without --batch-job; if a wave has no job, the message names it.",
            )
        writes = _deletion(id) if job == "none" else [("update waves set job = ? where id = ?", (job, id))]
        self._store.write_now(*writes)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    async def _write(self, *writes: Write) -> None:
        await asyncio.to_thread(self._store.write_now, *writes)


def _sound(reply: bytes | None, crc: int | None) -> bytes | None:
    return reply if reply is not None and zlib.crc32(reply) == crc else None


def _deletion(wave: str) -> list[Write]:
    return [("delete from asked where wave = ?", (wave,)), ("delete from waves where id = ?", (wave,))]
