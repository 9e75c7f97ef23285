"""The settings to serve a model: from its config entry, within the limits of the model and the machine."""

from dataclasses import dataclass

from seedbed.config.models import ModelEntry
from seedbed.models.shelf.gguf import Header
from seedbed.models.shelf.machine import cores, needed

CONTEXT = 4096  # tokens a slot
SLOTS = 1  # on two cores more slots are slower (docs/benchmarks.md), and calls in one batch change each other's replies


@dataclass(frozen=True)
class Serving:
    """The settings: `context` tokens for each of `slots` calls at once, `threads` threads, and `gpu_layers` layers on a
    GPU (-1: as many as the build of llama.cpp can)."""

    context: int
    slots: int
    threads: int
    gpu_layers: int

    def memory(self, header: Header, weights: int) -> int:
        """Bytes that serving a model with `weights` bytes takes at most. 0 where its entry puts layers on a GPU:
        then only llama.cpp knows how much stays in memory."""
        return 0 if self.gpu_layers > 0 else needed(header, weights, context=self.context, slots=self.slots)


def serving(entry: ModelEntry, header: Header) -> Serving:
    """The settings to serve an entry's model."""
    context = entry.context or CONTEXT
    return Serving(
        context=min(context, header.context or context),
        slots=entry.slots or SLOTS,
        threads=entry.threads or cores(),
        gpu_layers=-1 if entry.gpu_layers is None else entry.gpu_layers,
    )
