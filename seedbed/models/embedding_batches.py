"""Gathers texts into batches, encodes them in the background, and remembers the latest vectors."""

import dataclasses
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from programs.core.embedding import Vectors

Vector = npt.NDArray[np.float32]
LARGEST = 64  # texts a batch: half a second on one core, which is the longest that a new text waits for an old one
REMEMBERED = 32 << 20  # bytes: some 19,000 texts at 384 dimensions, for 512 rows in flight with 20 of their document


@dataclasses.dataclass(eq=False)
class _Batch:
    """Texts that are encoded together, and the future of their vectors."""

    texts: list[str]
    done: Future[dict[str, Vector]]


class EmbeddingQueue:
    """Texts that arrive while a batch is encoded form the next one, so the load sets the batch size.

    A text that is being encoded is not encoded a second time. Vectors are remembered; the texts whose last request is
    oldest are forgotten first.

    Args:
        encode: texts -> unit vectors, shape (n, d). workers: threads that encode, a batch each.
        largest: texts in a batch. remembered: bytes.
    """

    def __init__(
        self,
        encode: Callable[[Sequence[str]], Vectors],
        *,
        workers: int = 1,
        largest: int = LARGEST,
        remembered: int = REMEMBERED,
    ) -> None:
        self._encode, self._largest, self._remembered = encode, largest, remembered
        self._lock, self._workers = threading.Lock(), ThreadPoolExecutor(workers, "embedder")
        self._waiting, self._pending = deque[_Batch](), dict[str, _Batch]()
        self._cache, self._size = OrderedDict[str, Vector](), 0

    def ask(self, texts: Sequence[str]) -> tuple[dict[str, Vector], list[Future[dict[str, Vector]]]]:
        """The vectors that are ready, and futures of the others. A future fails with the error of `encode`."""
        vectors, batches = dict[str, Vector](), dict[_Batch, None]()
        with self._lock:
            for text in dict.fromkeys(texts):
                if text in self._cache:
                    self._cache.move_to_end(text)
                    vectors[text] = self._cache[text]
                else:
                    batches[self._pending.get(text) or self._join(text)] = None
        return vectors, [batch.done for batch in batches]

    def _join(self, text: str) -> _Batch:
        """Put a text into the waiting batch."""
        if not self._waiting or len(self._waiting[-1].texts) >= self._largest:
            done = Future[dict[str, Vector]]()
            done.set_running_or_notify_cancel()  # from here on no waiting caller can cancel it
            self._waiting.append(_Batch([], done))
            self._workers.submit(self._work)
        batch = self._pending[text] = self._waiting[-1]
        batch.texts.append(text)
        return batch

    def _work(self) -> None:
        """Encode the batch that has waited longest."""
        with self._lock:
            batch = self._waiting.popleft()
        try:
            vectors = {text: vector.copy() for text, vector in zip(batch.texts, self._encode(batch.texts), strict=True)}
        except BaseException as error:
            self._settle(batch, {})
            batch.done.set_exception(error)
        else:
            self._settle(batch, vectors)
            batch.done.set_result(vectors)

    def _settle(self, batch: _Batch, vectors: dict[str, Vector]) -> None:
        """Remove a batch from the pending ones, remember its vectors, and forget the oldest beyond the limit."""
        with self._lock:
            for text in batch.texts:
                del self._pending[text]
            self._cache |= vectors
            self._size += sum(map(_bytes, vectors.items()))
            while self._size > self._remembered:
                self._size -= _bytes(self._cache.popitem(last=False))


def _bytes(entry: tuple[str, Vector]) -> int:
    """Bytes of a remembered text: its characters, its vector, and Python's overhead for both."""
    text, vector = entry
    return len(text) + vector.nbytes + 300
