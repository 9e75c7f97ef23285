"""The memory and cores that this machine has for a model, and the memory that serving a model takes."""

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

from seedbed.models.shelf.gguf import Header

MB, GB = 1_000_000, 1_000_000_000
BATCH = 512  # tokens that llama.cpp reads at once
NUMBER = 4  # bytes of a logit
CACHE_MIB = 256  # of prompts that a server keeps besides its slots; llama.cpp's default is 8 GB
_MEMORY = (  # control groups of version 2 and 1: the limit, the use, and the part of the use that can be freed
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def needed(header: Header, weights: int, *, context: int, slots: int) -> int:
    """Bytes that a server takes at most: weights, KV cache, the logits of one batch, and cached prompts."""
    return weights + header.kv_bytes * context * slots + BATCH * header.vocabulary * NUMBER + (CACHE_MIB << 20)


def free() -> int:
    """Bytes that are free now: what the machine has available, or less where a control group allows less."""
    return min([psutil.virtual_memory().available, *_allowed()])


def cores() -> int:
    """Cores that this process may use. More threads, or a second thread on a core, slow llama.cpp down."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([usable, psutil.cpu_count(logical=False) or usable, *_quotas()])


def _allowed() -> Iterator[int]:
    """The bytes that are left in each control group of this process."""
    for folder in _groups("memory"):
        for most, used, reclaimable in _MEMORY:
            with contextlib.suppress(OSError, ValueError, KeyError):  # not of this version, or "max"
                statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
                limit, usage = int((folder / most).read_text()), int((folder / used).read_text())
                yield max(0, limit - usage + int(statistics[reclaimable]))


def _quotas() -> Iterator[int]:
    """The number of cores that each control group of this process allows."""
    for folder in _groups("cpu"):
        with contextlib.suppress(OSError, ValueError):  # of version 1, or "max"
            quota, period = (folder / "cpu.max").read_text().split()
            yield max(1, math.ceil(int(quota) / int(period)))
        with contextlib.suppress(OSError, ValueError):
            quota_us, period_us = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
            if quota_us > 0:
                yield max(1, math.ceil(quota_us / period_us))


def _groups(controller: str) -> list[Path]:
    """The folders of this process's control groups that may limit something, the innermost first."""
    folders = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers or controller in controllers.split(","):
                root = Path("/sys/fs/cgroup") / controllers
                group = root / path.lstrip("/")
                folders += [folder for folder in (group, *group.parents) if folder.is_relative_to(root)]
    return folders
