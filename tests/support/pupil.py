"""A scripted teacher that does as its prompt says: told to quote it answers well; shown three examples, it answers well
on every other house; else badly. Asked for an instruction it proposes the good one on every other draw.

Tests reach it as `model: scripted/pupil.py`; `teacher.py` must stand beside it.
"""

import importlib.util
import zlib
from pathlib import Path
from typing import Any

RULE = "Quote the passage."


def _load() -> Any:
    spec = importlib.util.spec_from_file_location("pupils_teacher", Path(__file__).with_name("teacher.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


teacher = _load()


def reply(prompt: str, draw: int) -> str:
    """The reply to a prompt, in the format the prompt asks for. Files beside this one say when to fail."""
    here = Path(__file__)
    if here.with_name("mute.txt").exists() and _proposing(prompt):
        return "I would rather not."
    proposed = _proposed(prompt, draw)
    if proposed:
        with teacher.COUNT.open("a", encoding="utf-8") as file:
            file.write("p")
        return str(teacher._written(proposed, prompt))
    said = str(teacher.reply(prompt, draw))
    shown = prompt.count("The house of") > 6 and zlib.crc32(f"{said}{draw}".encode()) % 7 > 2
    return said if RULE in prompt or shown else said.replace("house of", "shed, I think")


def _proposing(prompt: str) -> bool:
    return bool({"proposed_instruction", "new_instruction", "module_advice"} & set(teacher._wanted(prompt)))


def _proposed(prompt: str, draw: int) -> dict[str, object]:
    instruction = f"Answer the question. {RULE if draw % 2 else 'Be bold.'} ({draw})"
    answers: dict[str, object] = {
        "observations": "houses",
        "summary": "questions about houses",
        "proposed_instruction": instruction,
        "proposed_prefix_for_output_field": "Answer:",
        "new_instruction": instruction,
        "discussion": "the worse one does not quote",
        "module_advice": {"only": RULE},
    }
    return {field: answers[field] for field in teacher._wanted(prompt) if field in answers}
