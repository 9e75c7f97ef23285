"""What counts as a request."""

import json

import pytest
from support.paths import DATA
from support.shipped import seeds_of

from programs.core.language import is_english
from programs.core.recipe import recipes
from programs.core.requests import asks

PATH = DATA / "instructions/evol_instruct/prompts.jsonl"
PROMPTS = [json.loads(line)["prompt"] for line in PATH.read_text(encoding="utf-8").splitlines()]
STATEMENTS = [  # written by qwen2.5-coder-0.5b in place of a harder prompt
    "A quiet street early on a Sunday morning, where the person is named John, the place is a busy park.",
    "The applicant is obliged to furnish documentary evidence.",
    "Bee colonies are organized into clusters called hive chambers.",
    "12 March",
    "Renting a flat is a common way to purchase a flat, but buying one is also a common way to purchase a flat.",
    "The main parts of a flowering plant are the root, leaves, and flowers.",
    "To put up a shelf, you will need at least two tools: a computer and a power source.",
    "```python\ndef average(numbers):\n    return sum(numbers) / len(numbers)\n```",
    "Welcome to our cycling club! We hope you'll enjoy a fun and enjoyable cycling experience.",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_a_statement_is_no_request(statement: str) -> None:
    assert not asks(statement)


def test_every_shipped_prompt_and_seed_asks() -> None:
    seeds = [text for seed in seeds_of(recipes()["evol-instruct"]) for text in (seed.prompt, seed.rewritten)]
    tasks = [seed.instruction for seed in seeds_of(recipes()["self-instruct"])]
    assert [text for text in [*PROMPTS, *seeds, *tasks] if not asks(text)] == []


def test_other_languages_are_not_read() -> None:
    assert [is_english([text]) for text in ("Was ist ein Baum?", "¿Qué es un árbol?", "什么是光合作用？")] == [
        False
    ] * 3
    assert is_english(["How do bees find their way back to the hive?"])


@pytest.mark.parametrize(
    "text",
    [
        *("¿Cómo vuelven?", "蜜蜂怎么回家？", "I would like a poem.", "Given a list, return its sum."),
        *("- Explain it", "1) Explain it.", "**Explain** it", "Briefly describe it", "```x```\nRun it without errors."),
    ],
)
def test_questions_wishes_marks_and_later_clauses_ask(text: str) -> None:
    assert asks(text)
