"""How a model is served: the keys of its entry, within what the model was trained for and the machine has."""

from dataclasses import dataclass

from seedbed.config.models import ModelEntry
from seedbed.models.shelf.gguf import Header
from seedbed.models.shelf.machine import cores, needed

CONTEXT = 4096  # tokens a slot
SLOTS = 1  # on two cores more slots are slower (docs/benchmarks.md), and what is batched together changes replies


@dataclass(frozen=True)
class Serving:
    """`context` tokens for each of `slots` calls at once, on `threads` threads, with `gpu_layers` of its layers on a
    GPU (-1: all that the build of llama.cpp can)."""

    context: int
    slots: int
    threads: int
    gpu_layers: int

    def memory(self, header: Header, weights: int) -> int:
        """Bytes that a model of so many bytes takes at most. 0 where its entry puts layers on a GPU, for what is left
        of it then only llama.cpp can tell."""
        return 0 if self.gpu_layers > 0 else needed(header, weights, context=self.context, slots=self.slots)


def serving(entry: ModelEntry, header: Header) -> Serving:
    """How an entry's model is served."""
    context = entry.context or CONTEXT
    return Serving(
        context=min(context, header.context or context),
        slots=entry.slots or SLOTS,
        threads=entry.threads or cores(),
        gpu_layers=-1 if entry.gpu_layers is None else entry.gpu_layers,
    )
