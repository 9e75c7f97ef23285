"""Asks the Hugging Face Hub through a child process (`hub_client`). In this process the embedder has set
`HF_HUB_OFFLINE`, which the Hub's library reads once, at import."""

import contextlib
import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seedbed.config.reference import OnHub
from seedbed.errors import UserError
from seedbed.models.shelf.gguf import parts_of
from seedbed.models.shelf.hub_client import NEWEST, PROBE
from seedbed.models.shelf.wheels import OnProgress

START = 5  # seconds that the child may take to start
ENDING = 2  # seconds that it gets to remove unfinished files


class Unreachable(Exception):
    """The Hub does not answer, or it has no such file; the message says which."""


class Listing(NamedTuple):
    """A model on the Hub: its files with their bytes, and its licence (empty: not stated)."""

    files: dict[str, int]
    licence: str


def cache_folder() -> Path:
    """The folder of the Hub's own cache."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def cached(reference: OnHub) -> list[Path] | None:
    """All files of a model in the Hub's own cache, without a network; None where one is missing.

    Raises UserError where the name fits several models.
    """
    from huggingface_hub.file_download import repo_folder_name

    folder = cache_folder() / repo_folder_name(repo_id=reference.repository, repo_type="model")
    revision = reference.revision or NEWEST
    with contextlib.suppress(OSError):
        revision = (folder / "refs" / revision).read_text(encoding="utf-8").strip()
    snapshot = folder / "snapshots" / revision
    names = [path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*")]
    files = [snapshot / name for name in chosen(reference, names)]
    return files if files and all(file.is_file() for file in files) else None


def chosen(reference: OnHub, names: Sequence[str]) -> list[str]:
    """The files among `names` that a reference names: all parts of one model, in their order; empty for none.

    Raises UserError where a quantization fits several models.
    """
    fitting = [name for name in names if name.lower() == reference.file.lower()]
    for word in ("[a-z0-9_]", "[a-z0-9]"):  # Q4_K fits Q4_K_M only if no file is plain Q4_K
        pattern = re.compile(rf"(?<!{word}){re.escape(reference.file.lower())}(?!{word})")
        fitting = fitting or [name for name in names if _is_model(name) and pattern.search(name.lower())]
    models = list(dict.fromkeys(tuple(path.as_posix() for path in parts_of(Path(name))) for name in fitting))
    if len(models) > 1:
        some = ", ".join(parts[0] for parts in models[:4])
        raise UserError(
            f"{reference.file} fits several files of {reference.repository}: {some}.", hint="Name one of them."
        )
    return list(models[0]) if models else []


def _is_model(name: str) -> bool:
    """Whether it is a GGUF file with a language model, not the picture part of one (mmproj)."""
    return name.lower().endswith(".gguf") and "mmproj" not in name.lower()


def commit_of(file: Path) -> str:
    """The commit of a file in the Hub's cache."""
    return next(folder.name for folder in file.parents if folder.parent.name == "snapshots")


def listing(reference: OnHub) -> Listing:
    """Ask the Hub for the files of a model. Raises Unreachable, after PROBE + START seconds at the latest; UserError
    where it has no such file."""
    (answer,) = _child({"ask": "list", **_revision(reference)}, within=PROBE + START)
    files = chosen(reference, list(answer["files"]))
    if not files or any(file not in answer["files"] for file in files):
        names = ", ".join(name for name in answer["files"] if _is_model(name)) or "no GGUF file"
        raise UserError(f"{reference.repository} has no {reference.file}; it has {names}.", hint="Name one it has.")
    return Listing({file: answer["files"][file] or 0 for file in files}, answer["licence"])


def download(reference: OnHub, file: str, on_progress: OnProgress) -> None:
    """Download a file into the Hub's own cache, with the Hub's client, which starts again after an interrupt. Raises
    Unreachable, OSError.

    The request names the revision as the config does, so that the cache remembers its commit.
    """
    _follow(_child({"ask": "get", **_revision(reference), "file": file}), on_progress)


def fetch(reference: OnHub, partial: Path, size: int, on_progress: OnProgress) -> None:
    """Download a file of `size` bytes into `partial`, after the bytes that are there. Raises Unreachable, OSError."""
    request = {"ask": "fetch", **_revision(reference), "file": reference.file, "into": str(partial), "size": size}
    _follow(_child(request), on_progress)


def _revision(reference: OnHub) -> dict[str, str]:
    return {"repository": reference.repository, "revision": reference.revision or NEWEST}


def _follow(answers: Iterator[dict[str, Any]], on_progress: OnProgress) -> None:
    for answer in answers:
        on_progress(answer.get("bytes", 0))


def _child(request: dict[str, Any], within: float | None = None) -> Iterator[dict[str, Any]]:
    """The child's answers, at least one. The child is stopped when the iteration ends, and after `within` seconds."""
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "seedbed.models.shelf.hub_client"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"HF_HUB_DISABLE_TELEMETRY": "1"},
        start_new_session=True,  # Ctrl-C goes to this process, which stops the child
    )
    clock = threading.Timer(within or 0, child.kill)
    try:
        if within:
            clock.start()
        yield from _answers(child, request)
    finally:
        clock.cancel()
        _end(child)


def _answers(child: subprocess.Popen[str], request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    assert child.stdin
    assert child.stdout
    assert child.stderr
    with contextlib.suppress(BrokenPipeError):
        child.stdin.write(json.dumps(request) + "\n")
        child.stdin.close()
    for line in child.stdout:
        answer = json.loads(line)
        if "full" in answer:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if "error" in answer:
            raise Unreachable(answer["error"])
        yield answer
    code = child.wait()
    if code < 0:
        raise Unreachable("the Hub does not answer in time")
    if code:
        lines = child.stderr.read().strip().splitlines()
        raise Unreachable(f"the Hub's client failed: {lines[-1] if lines else 'it said nothing'}")


def _end(child: subprocess.Popen[str]) -> None:
    """Interrupt the child, so that it removes unfinished files; then kill it."""
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(ENDING)
    child.kill()
    child.wait()
    for pipe in (child.stdout, child.stderr):
        if pipe:
            pipe.close()
