"""How well and how fast files are read: characters right, spans true, seconds and memory, by kind of file.

    python benchmarks/readers.py FOLDER [--before REVISION]

A file `a.docx` is held against `a.docx.gold` beside it, its text as plain text, where there is one. What counts are
letters and digits alone, so that marks of lists and tables do not; "right" is twice those in common, in order, of all
(2 * LCS / (a + b)). A span is true where the document's text from its start to its end is the passage without its lead.
Seconds are of CPU, without starting Python; memory is the most of a process that reads all files of the kind.

`--before` reads the same files with the readers of that revision of this repository (before they had a child), for
which `git worktree` makes a folder that goes again.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Read one kind for the process that asks (`--kind`), or all and print the table."""
    options = _options()
    if options.kind:
        print(json.dumps(measured(options.folder, options.kind)))
        return
    kinds = sorted({path.suffix for path in options.folder.iterdir() if path.suffix not in ("", ".gold")})
    print(f"{'kind':<10}{'readers':<12}{'files':>6}{'read':>6}{'right':>9}{'least':>9}{'spans':>8}{'s':>8}{'MB':>6}")
    for kind in kinds:
        if options.before:
            with _worktree(options.before) as code:
                _show(kind, "before", _asked(options.folder, kind, code))
        _show(kind, "now", _asked(options.folder, kind, ROOT))


@contextmanager
def _worktree(revision: str) -> Iterator[Path]:
    """A folder with this repository as it was."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "-C", ROOT, "worktree", "add", "-q", "--detach", folder, revision], check=True)
        yield Path(folder)
        subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", folder], check=True)


def measured(folder: Path, kind: str) -> dict[str, Any]:
    """What reading all files of a kind gives, in this process and with the readers that it finds."""
    read, shares, true, spans, seconds = 0, list[float](), 0, 0, 0.0
    paths = sorted(folder.glob(f"*{kind}"))
    _document(paths[0])  # which loads the libraries
    for path in paths:
        started = time.process_time()
        document = _document(path)
        seconds += time.process_time() - started
        read += document is not None
        gold = path.with_name(f"{path.name}.gold")
        if gold.is_file():
            shares.append(_right(document.text if document else "", gold.read_text(encoding="utf-8")))
        for start, end, text in _passages(document) if document else ():
            spans += 1
            true += document.text[start:end] == text
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"files": len(paths), "read": read, "shares": shares, "spans": spans, "true": true, "s": seconds, "mb": most}


def _document(path: Path) -> Any:
    """The document; None where it is unreadable. The older readers take a path, and know fewer kinds."""
    from seedbed.errors import Unreadable
    from seedbed.sources.reading import extract

    try:
        if hasattr(extract, "from_json"):
            return extract.extract(path.read_bytes(), path.suffix.lower())
        return extract.extract(path) if path.suffix.lower() in extract.SUFFIXES else None  # type: ignore[arg-type,call-arg]
    except Unreadable:
        return None


def _passages(document: Any) -> list[tuple[int, int, str]]:
    from seedbed.sources.chunks import chunk

    return [(piece.start, piece.end, piece.text) for piece in chunk(document, 128)]


def _right(text: str, gold: str) -> float:
    from rapidfuzz.distance import Indel

    one, other = (re.sub(r"[\W_]+", "", words.lower()) for words in (text, gold))
    return Indel.normalized_similarity(one, other)


def _asked(folder: Path, kind: str, code: Path) -> dict[str, Any]:
    """What a fresh process says that reads with the code of that folder."""
    command = [sys.executable, __file__, str(folder), "--kind", kind]
    done = subprocess.run(command, env={"PYTHONPATH": str(code)}, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _show(kind: str, readers: str, found: dict[str, Any]) -> None:
    shares = found["shares"]
    right = f"{sum(shares) / len(shares):>9.4f}{min(shares):>9.4f}" if shares else f"{'-':>9}{'-':>9}"
    spans = f"{found['true']}/{found['spans']}"
    print(
        f"{kind:<10}{readers:<12}{found['files']:>6}{found['read']:>6}{right}{spans:>10}{found['s']:>8.2f}{found['mb']:>6.0f}",
        flush=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--before", help="a revision whose readers read the same files")
    parser.add_argument("--kind", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
