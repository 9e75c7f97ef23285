"""The embedder of tests and dry runs, `scripted/hashed-words`: bags of words, which know no meaning."""

import re
import zlib
from collections.abc import Sequence

import numpy as np

from programs.core.embedding import Vectors

HASHED_WORDS = "scripted/hashed-words"
DIMENSIONS = 384


def hashed_words(texts: Sequence[str]) -> Vectors:
    """Unit vectors, shape (len(texts), DIMENSIONS): every word, in small letters, is one of the directions."""
    vectors = np.full((len(texts), DIMENSIONS), 1e-6, dtype=np.float32)
    for vector, text in zip(vectors, texts, strict=True):
        words = re.findall(r"\w+", text.lower())
        vector += np.bincount([zlib.crc32(word.encode()) % DIMENSIONS for word in words], minlength=DIMENSIONS)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
