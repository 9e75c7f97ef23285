"""Reads the header of a GGUF file before llama.cpp does, which reports every fault by the same sentence.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

import math
import mmap
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MAGIC = b"GGUF"
VERSIONS = (2, 3)
ALIGNMENT = 32  # bytes, unless the file names another
F16 = 2  # bytes of a number in the KV cache
LONG = 1024  # items; of a longer array, such as the vocabulary, only the length is kept
_SPLIT = re.compile(r"-(\d{5})-of-(\d{5})(\.gguf)$", re.IGNORECASE)
_SENSELESS = "has a header that makes no sense"
_STRING, _ARRAY = 8, 9
_SCALARS = dict(zip((0, 1, 2, 3, 4, 5, 6, 7, 10, 11, 12), "BbHhIif?Qqd", strict=True))

_BLOCKS: dict[int, tuple[int, int]] = {
    **{0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36)},
    **{10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292)},
    **{16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82)},
    **{23: (256, 136), 24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2)},
    **{34: (256, 54), 35: (256, 66), 39: (32, 17)},
}
"""ggml's tensor types: (numbers in a block, bytes of a block). The size of other types is unknown."""


class Unfit(ValueError):
    """A file that llama.cpp cannot serve; the message says why, without the file's name."""


@dataclass(frozen=True)
class Tensor:
    """The place of a tensor's bytes: `offset` counts from the end of the header; `bytes` is None if unknown."""

    name: str
    offset: int
    bytes: int | None


@dataclass(frozen=True)
class Header:
    """The header of one file.

    Attributes:
        values: its keys; of a long array (the vocabulary) only the length. tensors: in the order of the file.
        data: the offset of the tensors' bytes. size: of the file, in bytes.
    """

    values: dict[str, Any]
    tensors: Sequence[Tensor] = field(repr=False)
    data: int
    size: int

    @property
    def architecture(self) -> str:
        """llama.cpp's name for the kind of model."""
        return str(self.values.get("general.architecture", ""))

    @property
    def template(self) -> str | None:
        """The Jinja template that turns messages into a prompt; None for a model that can only continue text."""
        template = self.values.get("tokenizer.chat_template")
        return template if isinstance(template, str) and template.strip() else None

    @property
    def context(self) -> int | None:
        """Tokens that the model was trained for; None where the file does not say."""
        return self._number("context_length") or None

    @property
    def kv_bytes(self) -> int:
        """Bytes of the KV cache for one token, 16 bits a number; 0 where the file does not say enough."""
        heads = self._number("attention.head_count")
        head = self._number("embedding_length") // heads if heads else 0
        width = (self._number("attention.key_length") or head) + (self._number("attention.value_length") or head)
        return F16 * width * self._kv_heads(heads)

    @property
    def vocabulary(self) -> int:
        """The number of tokens; 0 where the file does not say."""
        tokens = self.values.get("tokenizer.ggml.tokens")
        return tokens if isinstance(tokens, int) else len(tokens) if isinstance(tokens, list) else 0

    def _kv_heads(self, heads: int) -> int:
        """The sum over all layers; in some models they differ."""
        counts = self.values.get(f"{self.architecture}.attention.head_count_kv")
        if isinstance(counts, list):
            return sum(number for number in counts if isinstance(number, int) and number > 0)
        return self._number("block_count") * (self._number("attention.head_count_kv") or heads)

    def _number(self, key: str) -> int:
        """The number of a key, the largest where layers differ; 0 where the file does not say."""
        value = self.values.get(f"{self.architecture}.{key}")
        numbers = value if isinstance(value, list) else [value]
        return max((number for number in numbers if isinstance(number, int) and number > 0), default=0)


def parts_of(path: Path) -> list[Path]:
    """The files of a model in order: only `path`, or all its parts if `path` is one, as `-00001-of-00003`."""
    match = _SPLIT.search(path.name)
    if not match or not int(match[2]):
        return [path]
    stem, count = path.name[: match.start()], int(match[2])
    return [path.with_name(f"{stem}-{number:05}-of-{match[2]}{match[3]}") for number in range(1, count + 1)]


def read_model(files: Sequence[Path]) -> Header:
    """The header of a model's first file, after a check that every file has its tensors.

    Raises Unfit for a file that is missing, cut short or no GGUF file; with several files the message names it.
    """
    headers = []
    for number, file in enumerate(files, 1):
        which = f"part {number} of {len(files)}, {file.name}, " if len(files) > 1 else ""
        try:
            headers.append(read_header(file))
        except FileNotFoundError as error:
            raise Unfit(f"{which}is not there") from error
        except OSError as error:
            raise Unfit(f"{which}cannot be read: {error.strerror}") from error
        except Unfit as error:
            raise Unfit(f"{which}{error}") from error
    first = headers[0]
    if not first.architecture:
        raise Unfit("names no architecture in its header, so it holds no language model")
    if len(files) == 1 and (count := first.values.get("split.count")) not in (None, 0, 1):
        raise Unfit(f"is one of {count} parts and does not have its publisher's name, which tells where the others are")
    return first


def read_header(path: Path) -> Header:
    """The header of one file. Raises Unfit if it is no GGUF file or is shorter than its header says; OSError."""
    with path.open("rb") as file:
        if file.seek(0, 2) < len(MAGIC):
            raise Unfit("is empty")
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Reader(data).header()


class _Reader:
    """Reads a header from its first byte on. Refuses counts that are too large for the length of the file."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._at, self._size = data, 0, len(data)

    def header(self) -> Header:
        if self._data[:4] != MAGIC:
            raise Unfit("is no GGUF file")
        self._at = 4
        version = self._number("I")
        if version not in VERSIONS:
            raise Unfit(f"is GGUF of version {version}, and llama.cpp reads {VERSIONS[0]} and {VERSIONS[1]}")
        tensor_count, key_count = self._count(24), self._count(13)
        values = {self._text(): self._value(self._number("I")) for _ in range(key_count)}
        tensors = [self._tensor() for _ in range(tensor_count)]
        alignment = values.get("general.alignment", ALIGNMENT)
        if not isinstance(alignment, int) or alignment < 1:
            raise Unfit(_SENSELESS)
        header = Header(values, tensors, -(-self._at // alignment) * alignment, self._size)
        _check_extents(header)
        return header

    def _tensor(self) -> Tensor:
        name, dimensions = self._text(), self._number("I")
        if dimensions > 8:
            raise Unfit(_SENSELESS)
        numbers = math.prod(self._number("Q") for _ in range(dimensions))
        block, size = _BLOCKS.get(self._number("I"), (0, 0))
        return Tensor(name, self._number("Q"), -(-numbers // block) * size if block else None)

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            kind, count = self._number("I"), self._count(1)
            items = self._array(kind, count)
            return list(items) if count <= LONG else sum(1 for _ in items)
        return self._number(self._scalar(kind))

    def _array(self, kind: int, count: int) -> Iterable[Any]:
        if kind == _STRING:
            return (self._text() for _ in range(count))
        return self._unpack(f"<{count}{self._scalar(kind)}")

    def _scalar(self, kind: int) -> str:
        if kind not in _SCALARS:
            raise Unfit(_SENSELESS)
        return _SCALARS[kind]

    def _count(self, least: int) -> int:
        """The number of items that follow, each of `least` bytes or more."""
        count = self._number("Q")
        if count * least > self._size - self._at:
            raise Unfit("is cut short within its header")
        return count

    def _text(self) -> str:
        length = self._count(1)
        self._at += length
        return self._data[self._at - length : self._at].decode("utf-8", "replace")

    def _number(self, code: str) -> Any:
        return self._unpack(f"<{code}")[0]

    def _unpack(self, codes: str) -> tuple[Any, ...]:
        try:
            values = struct.unpack_from(codes, self._data, self._at)
        except struct.error as error:
            raise Unfit("is cut short within its header") from error
        self._at += struct.calcsize(codes)
        return values


def _check_extents(header: Header) -> None:
    """Raises Unfit where a tensor ends behind the end of the file."""
    end = max((header.data + tensor.offset + (tensor.bytes or 0) for tensor in header.tensors), default=0)
    if end > header.size:
        raise Unfit(f"is cut short: its tensors end at byte {end:,}, and the file at {header.size:,}")
