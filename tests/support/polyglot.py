"""A scripted teacher that writes the right pairs of benchmarks/languages: of the passage it is shown, one a draw.

Tests reach it as `model: scripted/polyglot.py`; `teacher.py` and `pairs.json` must stand beside it.
"""

import importlib.util
import json
from pathlib import Path
from typing import Any


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("polyglots_teacher", Path(__file__).with_name("teacher.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


teacher = _load()
PAIRS = json.loads(Path(__file__).with_name("pairs.json").read_text(encoding="utf-8"))


def reply(prompt: str, draw: int) -> str:
    """The question of a pair on the passage, or the answer to the pair's question."""
    wanted, asked = teacher._wanted(prompt), teacher._last(prompt, "question")
    if "question" in wanted:
        document = teacher._last(prompt, "document")
        fitting = [one["question"] for one in PAIRS if document and one["passage"] in document]
        return str(teacher._written({"question": fitting[draw % len(fitting)]}, prompt))
    if "answer" in wanted and (known := [one["answer"] for one in PAIRS if one["question"] == asked]):
        return str(teacher._written({"answer": known[0]}, prompt))
    return str(teacher._written(teacher._answers(prompt, draw), prompt))
