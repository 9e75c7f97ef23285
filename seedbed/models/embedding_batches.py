"""Texts on their way to a model: gathered into batches, encoded in the background, the latest remembered."""

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
    """Texts that are encoded together, and what will come of them: each text's vector."""

    texts: list[str]
    done: Future[dict[str, Vector]]


class EmbeddingQueue:
    """Texts wait while a batch is encoded and make up the next one, so that the load itself sets the batches' size.

    No text is encoded twice at a time, whoever asks. What was encoded is remembered; the texts not asked for the
    longest are forgotten first.

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
        self._waiting, self._coming = deque[_Batch](), dict[str, _Batch]()
        self._known, self._size = OrderedDict[str, Vector](), 0

    def ask(self, texts: Sequence[str]) -> tuple[dict[str, Vector], list[Future[dict[str, Vector]]]]:
        """The vectors there are by now, and what brings the others. A future fails with the error of `encode`."""
        known, batches = dict[str, Vector](), dict[_Batch, None]()
        with self._lock:
            for text in dict.fromkeys(texts):
                if text in self._known:
                    self._known.move_to_end(text)
                    known[text] = self._known[text]
                else:
                    batches[self._coming.get(text) or self._join(text)] = None
        return known, [batch.done for batch in batches]

    def _join(self, text: str) -> _Batch:
        """Put a text in the batch that still waits."""
        if not self._waiting or len(self._waiting[-1].texts) >= self._largest:
            done = Future[dict[str, Vector]]()
            done.set_running_or_notify_cancel()  # from here on nobody who waits for it can cancel it
            self._waiting.append(_Batch([], done))
            self._workers.submit(self._work)
        batch = self._coming[text] = self._waiting[-1]
        batch.texts.append(text)
        return batch

    def _work(self) -> None:
        """Encode the batch that waited the longest."""
        with self._lock:
            batch = self._waiting.popleft()
        try:
            found = {text: vector.copy() for text, vector in zip(batch.texts, self._encode(batch.texts), strict=True)}
        except BaseException as error:
            self._settle(batch, {})
            batch.done.set_exception(error)
        else:
            self._settle(batch, found)
            batch.done.set_result(found)

    def _settle(self, batch: _Batch, found: dict[str, Vector]) -> None:
        """A batch is no longer on its way; what came of it is remembered, and what is too much forgotten."""
        with self._lock:
            for text in batch.texts:
                del self._coming[text]
            self._known |= found
            self._size += sum(map(_bytes, found.items()))
            while self._size > self._remembered:
                self._size -= _bytes(self._known.popitem(last=False))


def _bytes(kept: tuple[str, Vector]) -> int:
    """What a remembered text takes: its characters, its numbers, and Python's own for both."""
    text, vector = kept
    return len(text) + vector.nbytes + 300
