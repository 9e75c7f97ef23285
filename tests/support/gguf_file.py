"""Small GGUF files: a head as the format has it, with as many bytes of tensors as are asked for."""

import struct
from pathlib import Path
from typing import Any

ALIGNMENT = 32


def gguf(*, values: dict[str, Any] | None = None, tensors: dict[str, int] | None = None, version: int = 3) -> bytes:
    """A whole file: texts and numbers as `values`, tensors as name -> how many 32-bit numbers it holds."""
    values = {"general.architecture": "llama"} if values is None else values
    tensors = tensors or {}
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(values))
    for key, value in values.items():
        head += _text(key) + _value(value)
    offset = 0
    for name, numbers in tensors.items():
        head += _text(name) + struct.pack("<IQIQ", 1, numbers, 0, offset)
        offset += -(-4 * numbers // ALIGNMENT) * ALIGNMENT
    return head + b"\0" * (-len(head) % ALIGNMENT) + b"\0" * offset


def write(path: Path, **parts: Any) -> Path:
    """Write one, and give its path back."""
    path.write_bytes(gguf(**parts))
    return path


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _value(value: Any) -> bytes:
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    if isinstance(value, list):
        items = b"".join(_text(item) for item in value)
        return struct.pack("<IIQ", 9, 8, len(value)) + items
    return struct.pack("<Ii", 5, value)
