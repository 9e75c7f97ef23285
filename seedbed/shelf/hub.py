"""The Hugging Face Hub, asked from a child process: its client reads `HF_HUB_OFFLINE` once, at import, and in ours the
embedder had it set. The child (this file run as a module) takes a request as JSON and answers in lines of JSON."""

import contextlib
import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seedbed.errors import UserError
from seedbed.shelf.gguf import parts_of
from seedbed.shelf.reference import OnHub

NEWEST = "main"
PROBE = 5  # seconds within which the Hub must answer: `hf_hub_download` alone takes 23 to find out that it does not
Heard = Callable[[int], object]
"""Told how many bytes are there."""


class Unreachable(Exception):
    """The Hub does not answer, or it has no such file; the message says which."""


class Listing(NamedTuple):
    """What the Hub has of a model: its files with their bytes, and its licence (empty: not stated)."""

    files: dict[str, int]
    licence: str


def cached(reference: OnHub) -> list[Path] | None:
    """The model's files in the Hub's own cache, all of them, without a network; None where one is missing.

    Raises UserError where the name fits several models.
    """
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=reference.repository, repo_type="model")
    revision = reference.revision or NEWEST
    with contextlib.suppress(OSError):
        revision = (folder / "refs" / revision).read_text(encoding="utf-8").strip()
    snapshot = folder / "snapshots" / revision
    names = [path.relative_to(snapshot).as_posix() for path in snapshot.rglob("*.gguf")]
    files = [snapshot / name for name in chosen(reference, names)]
    return files if files and all(file.is_file() for file in files) else None


def chosen(reference: OnHub, names: Sequence[str]) -> list[str]:
    """The files among these that a reference names: all parts of one model, in their order; empty for none.

    Raises UserError where a quantization fits several models.
    """
    wanted = reference.file.lower()
    exact = [name for name in names if name.lower() == wanted]
    fitting = exact or [name for name in names if name.lower().endswith(".gguf") and _is_quantized(name, wanted)]
    models = list(dict.fromkeys(tuple(path.as_posix() for path in parts_of(Path(name))) for name in fitting))
    if len(models) > 1:
        some = ", ".join(parts[0] for parts in models[:4])
        raise UserError(
            f"{reference.file} fits several files of {reference.repository}: {some}.", hint="Name one of them."
        )
    return list(models[0]) if models else []


def _is_quantized(name: str, quantization: str) -> bool:
    stem = Path(name).name.lower().removesuffix(".gguf")
    words = stem.replace("-", ".").split(".")
    return quantization.replace("-", ".") in words and "mmproj" not in words


def commit_of(file: Path) -> str:
    """The commit that a file of the Hub's cache is of."""
    return next(folder.name for folder in file.parents if folder.parent.name == "snapshots")


def listing(reference: OnHub) -> Listing:
    """Ask the Hub what it has. Raises Unreachable, or UserError where it has no such file."""
    answer = next(_child({"ask": "list", "repository": reference.repository, "revision": reference.revision}))
    files = chosen(reference, list(answer["files"]))
    if not files or any(file not in answer["files"] for file in files):
        there = ", ".join(name for name in answer["files"] if name.endswith(".gguf")) or "no GGUF file"
        raise UserError(f"{reference.repository} has no {reference.file}; it has {there}.", hint="Name one it has.")
    return Listing({file: answer["files"][file] or 0 for file in files}, answer["licence"])


def download(reference: OnHub, file: str, into: Path | None, heard: Heard) -> Path:
    """Bring a file here, into the Hub's own cache or a folder; a second try resumes. Raises Unreachable, OSError.

    It is asked for by the revision's name, so that the cache remembers which commit that was.
    """
    named = {"repository": reference.repository, "revision": reference.revision or NEWEST, "file": file}
    for answer in _child({"ask": "get", **named, "into": str(into or "")}):
        if "path" in answer:
            return Path(answer["path"])
        heard(answer["bytes"])
    raise Unreachable("the download ended without a file")


def _child(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The child's answers. It is ended with the iteration, however that ends."""
    child = subprocess.Popen(
        [sys.executable, "-m", "seedbed.shelf.hub"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | {"HF_HUB_DISABLE_TELEMETRY": "1"},
    )
    assert child.stdin
    assert child.stdout
    try:
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
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    if child.returncode > 0:
        raise Unreachable("its client failed")


def _answer(request: dict[str, Any]) -> None:
    """In the child: do what is asked and print what came of it."""
    from huggingface_hub.errors import (  # type: ignore[attr-defined]  # its HTTPError is that of the client it uses, which changes with versions
        GatedRepoError,
        HfHubHTTPError,
        HTTPError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        _list(request) if request["ask"] == "list" else _get(request)
    except GatedRepoError:
        _print(error="its licence must be accepted on its page, and HF_TOKEN must be the token of who did")
    except RevisionNotFoundError:
        _print(error=f"it has no revision {request['revision']}")
    except RepositoryNotFoundError:
        _print(error="there is no such repository, or it is private and HF_TOKEN may not read it")
    except HfHubHTTPError as error:
        _print(error=f"the Hub answers {error.response.status_code}")
    except (HTTPError, ValueError, OSError) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            _print(full=True)
        else:
            _print(error=f"the Hub does not answer ({type(error).__name__})")


def _list(request: dict[str, Any]) -> None:
    from huggingface_hub import HfApi

    info: Any = HfApi().repo_info(
        request["repository"], revision=request["revision"], timeout=PROBE, files_metadata=True
    )
    licence = getattr(info.card_data, "license", None) or ""
    _print(files={file.rfilename: file.size for file in info.siblings}, licence=str(licence))


def _get(request: dict[str, Any]) -> None:
    from huggingface_hub import hf_hub_download
    from tqdm import tqdm

    class Told(tqdm):
        """A bar that nobody sees: it prints how many bytes are there."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": False, "file": open(os.devnull, "w")})  # noqa: PTH123, SIM115

        def update(self, n: float | None = 1) -> bool | None:
            shown = super().update(n)
            _print(bytes=int(self.n))
            return shown

    path = hf_hub_download(
        request["repository"],
        request["file"],
        revision=request["revision"],
        local_dir=request["into"] or None,
        etag_timeout=PROBE,
        tqdm_class=Told,
    )
    _print(path=path)


def _print(**answer: Any) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    _answer(json.loads(sys.stdin.readline()))
