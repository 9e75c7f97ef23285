"""Memory: what serving a model takes, and what is free for it."""

import contextlib
from pathlib import Path

import psutil

from seedbed.shelf.gguf import Header

BATCH = 512  # tokens that llama.cpp reads at once
NUMBER = 4  # bytes of a logit
CACHE_MIB = 256  # of prompts that a server keeps beside its slots; by default it is 8 GB
_CGROUPS = (  # version 2 and 1: what may be taken, what is taken, and how it names what of this can be given back
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def needed(header: Header, weights: int, *, context: int, slots: int) -> int:
    """Bytes that a server takes at most: weights, KV cache, the logits of one batch, and prompts kept."""
    return weights + header.kv_bytes * context * slots + BATCH * header.vocabulary * NUMBER + (CACHE_MIB << 20)


def free() -> int:
    """Bytes that may be taken now: what the machine has available, or less where a control group allows less."""
    return min([psutil.virtual_memory().available, *_allowed()])


def _allowed() -> list[int]:
    """What the control groups of this process leave, from the innermost outwards."""
    left = []
    for folder in _groups():
        for most, used, reclaimable in _CGROUPS:
            with contextlib.suppress(OSError, ValueError, KeyError):  # not of this version, or "max"
                statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
                limit, usage = int((folder / most).read_text()), int((folder / used).read_text())
                left.append(max(0, limit - usage + int(statistics[reclaimable])))
    return left


def _groups() -> list[Path]:
    """The folders of this process's control groups that may hold limits on memory."""
    folders = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers in ("", "memory"):
                root = Path("/sys/fs/cgroup") / controllers
                group = root / path.lstrip("/")
                folders += [folder for folder in (group, *group.parents) if folder.is_relative_to(root)]
    return folders
