"""Bytes to text: by byte order mark, as declared, as UTF-8, else in the encoding that they look like."""

from __future__ import annotations

import codecs

from seedbed.errors import Unreadable

TRIED = [
    *("cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp850", "cp437", "mac_roman"),
    *("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "utf_16", "utf_16_le", "utf_16_be", "utf_32"),
]
SAMPLE = 200_000  # bytes by which an encoding is told
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins as UTF-16's does, so it is looked for first
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_MEANT = ("ascii", "us-ascii", "iso-8859-1", "latin-1", "latin1")


def decode(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """The text of a file, and the name of its encoding where that had to be told by its looks, else "".

    Raises Unreadable for what is binary, or text in no encoding that was tried.
    """
    codec, name = encoding(data, declared)
    return data.decode(codec), name


def encoding(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """The codec that reads these bytes, and its name for people where it was told by their looks, else "". Raises
    Unreadable."""
    marked = next((codec for mark, codec in _MARKS.items() if data.startswith(mark)), None)
    declared = "cp1252" if (declared or "").lower() in _MEANT else declared  # as every browser reads these
    for codec in filter(None, (marked, declared, None if marked else "utf-8")):
        try:
            if "\0" not in data.decode(codec):
                return codec, ""
        except (UnicodeDecodeError, LookupError):
            continue
    if marked:
        raise Unreadable(f"it is marked as {marked.upper()}, and is not")
    codec = _guessed(data)
    return codec, _named(codec)


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    tried = [codec for codec in TRIED if b"\0" in data or not codec.startswith("utf")]  # no pairs of Latin letters
    matches = from_bytes(data[:SAMPLE], cp_isolation=tried, preemptive_behaviour=False)
    if (best := matches.best()) is None:
        raise Unreadable("it is binary, not text" if b"\0" in data else f"it is not text in {', '.join(_ALL)}")
    alike = [match for match in matches if match.chaos <= best.chaos and "cp1252" in match.could_be_from_charset]
    codec = "cp1252" if alike and "utf" not in best.encoding else best.encoding  # much the likeliest of its kind
    try:
        if "\0" not in data.decode(codec):
            return codec
    except UnicodeDecodeError as error:
        raise Unreadable(f"it begins as text in {_named(codec)}, and does not go on so") from error
    raise Unreadable("it is binary, not text")


def _named(codec: str) -> str:
    codec = codec.removesuffix("-sig").replace("_", "-").upper()
    return f"Windows-{codec[2:]}" if codec.startswith("CP125") else codec


_ALL = ["UTF-8", *map(_named, TRIED)]
