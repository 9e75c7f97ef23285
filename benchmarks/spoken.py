"""Hand-written documents, seeds and pairs in German, Spanish, Chinese and Hindi (benchmarks/languages/*.txt).

A file is of one language. `# ` begins a document with its title; a paragraph is a passage; the lines after it are about
it: `? question | answer` is right, `! kind | question | answer` is wrong, `+ question | answer` is a seed.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent / "languages"
LANGUAGES = {"de": "German", "es": "Spanish", "zh": "Chinese", "hi": "Hindi"}
ALL = {"en": "English", **LANGUAGES}  # English, to compare with: the German texts translated


class Pair(NamedTuple):
    """A question and an answer on a passage. `kind`: right, seed, or how it is wrong."""

    source: str
    passage: str
    kind: str
    question: str
    answer: str


def pairs(language: str) -> list[Pair]:
    """All of a language, in the file's order."""
    return list(_pairs((FOLDER / f"{language}.txt").read_text(encoding="utf-8")))


def _pairs(text: str) -> Iterator[Pair]:
    source = passage = ""
    for line in filter(None, text.splitlines()):
        mark, rest = line[0], line[2:].split(" | ")
        if mark == "#":
            source = f"{line[2:]}.md"
        elif mark in "?+!":
            kind = rest[0] if mark == "!" else {"?": "right", "+": "seed"}[mark]
            yield Pair(source, passage, kind, *rest[-2:])
        else:
            passage = line


def write_documents(language: str, folder: Path) -> None:
    """The documents as Markdown files, and seeds.jsonl beside their folder."""
    (folder / "documents").mkdir(parents=True, exist_ok=True)
    everything = pairs(language)
    for source in dict.fromkeys(pair.source for pair in everything):
        passages = dict.fromkeys(pair.passage for pair in everything if pair.source == source)
        text = "\n\n".join([f"# {source.removesuffix('.md')}", *passages])
        (folder / "documents" / source).write_text(text + "\n", encoding="utf-8")
    seeds = [pair for pair in everything if pair.kind == "seed"]
    lines = [
        {"id": f"{language}-{n}", "source": seed.source, "document": seed.passage}
        | {"question": seed.question, "answer": seed.answer}
        for n, seed in enumerate(seeds, 1)
    ]
    told = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (folder / "seeds.jsonl").write_text(told, encoding="utf-8")
