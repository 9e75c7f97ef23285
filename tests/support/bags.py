"""An embedder for tests: bags of content words as unit vectors, enough to tell a topic from another."""

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from programs.core.text import content_words


def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Unit vectors, shape (len(texts), 512)."""
    vectors = np.full((len(texts), 512), 1e-6, dtype=np.float32)
    for vector, text in zip(vectors, texts, strict=True):
        for word in content_words(text):
            vector[zlib.crc32(word.encode()) % 512] += 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
