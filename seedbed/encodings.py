"""Bytes to text: by byte order mark, by declaration, as UTF-8, else in the most likely encoding."""

from __future__ import annotations

import codecs

from seedbed.errors import Unreadable

CANDIDATES = [
    *("cp1252", "cp1250", "cp1251", "koi8_r", "cp1253", "cp1254", "cp1255", "cp1256", "cp850", "cp437", "mac_roman"),
    *("gb18030", "big5", "shift_jis", "euc_jp", "euc_kr", "utf_16", "utf_16_le", "utf_16_be", "utf_32"),
]
SAMPLE = 200_000  # bytes for guessing an encoding
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # begins like the mark of UTF-16, so it is tested first
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_WINDOWS = ("ascii", "us-ascii", "iso-8859-1", "latin-1", "latin1")


def decode(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """The text of a file, and the name of its encoding if that had to be guessed, else "".

    Raises Unreadable for binary data, or for text in none of the tested encodings.
    """
    codec, name = encoding(data, declared)
    return data.decode(codec), name


def encoding(data: bytes, declared: str | None = None) -> tuple[str, str]:
    """The codec that reads these bytes, and its name for people if it was guessed, else "". Raises Unreadable."""
    marked = next((codec for mark, codec in _MARKS.items() if data.startswith(mark)), None)
    declared = "cp1252" if (declared or "").lower() in _WINDOWS else declared  # browsers read these as Windows-1252
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

    # without NUL bytes it is not UTF-16, which would read pairs of Latin letters
    candidates = [codec for codec in CANDIDATES if b"\0" in data or not codec.startswith("utf")]
    matches = from_bytes(data[:SAMPLE], cp_isolation=candidates, preemptive_behaviour=False)
    if (best := matches.best()) is None:
        raise Unreadable("it is binary, not text" if b"\0" in data else f"it is not text in {', '.join(_ALL)}")
    windows = [match for match in matches if match.chaos <= best.chaos and "cp1252" in match.could_be_from_charset]
    codec = "cp1252" if windows and "utf" not in best.encoding else best.encoding  # by far the most common of its kind
    try:
        if "\0" not in data.decode(codec):
            return codec
    except UnicodeDecodeError as error:
        raise Unreadable(f"it begins as text in {_named(codec)}, but does not continue as such") from error
    raise Unreadable("it is binary, not text")


def _named(codec: str) -> str:
    codec = codec.removesuffix("-sig").replace("_", "-").upper()
    return f"Windows-{codec[2:]}" if codec.startswith("CP125") else codec


_ALL = ["UTF-8", *map(_named, CANDIDATES)]
