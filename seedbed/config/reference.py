"""Parses model strings `embedded/...`: a model of the shelf, a GGUF file, or a GGUF file on the Hub."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from seedbed.config.catalogue import shelf

FAMILY = "embedded/"
_HUB = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^:]+))?:(?P<file>[^:]+)")
_FORMS = "embedded/NAME of the shelf, embedded/PATH.gguf or embedded/hf:OWNER/REPO[@REV]:FILE_OR_QUANT"


def expanded(path: str) -> Path:
    """Replace `~` by the user's home; keep `~NAME` where there is no such user."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


@dataclass(frozen=True)
class OnShelf:
    """A model of the shelf, by its name."""

    name: str


@dataclass(frozen=True)
class InFile:
    """A GGUF file, by its path in the config."""

    path: str

    def resolved(self, base: Path) -> Path:
        """The absolute path; `~` is the user's home, and other relative paths start from `base`."""
        return base / expanded(self.path)


@dataclass(frozen=True)
class OnHub:
    """A GGUF file of a repository on the Hub: its name, or a quantization such as `Q4_K_M` in the name of
    one file. `revision` is a branch, tag or commit; None is the newest."""

    repository: str
    revision: str | None
    file: str


Reference = OnShelf | InFile | OnHub


def parse(model: str) -> Reference:
    """Read a model string that starts with `embedded/`. Raises ValueError with a sentence for the user."""
    name = model.removeprefix(FAMILY)
    if name in shelf():
        return OnShelf(name)
    if name.startswith("hf:"):
        if match := _HUB.fullmatch(name):
            return OnHub(**match.groupdict())
        raise ValueError(f"{model} is not embedded/hf:OWNER/REPO[@REV]:FILE_OR_QUANT")
    if name.lower().endswith(".gguf"):
        return InFile(name)
    near = difflib.get_close_matches(name, list(shelf()), n=1)
    tail = f'did you mean "{FAMILY}{near[0]}"?' if near else f"the shelf has {', '.join(shelf())}"
    raise ValueError(f"there is no {model}; {tail} (a model is {_FORMS})")
