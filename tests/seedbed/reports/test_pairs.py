"""The figures of a run of pairs, against its rows: the longer answers, and the orders that agree."""

import json
from pathlib import Path

import pytest
from support.projects import rows

from seedbed.cli.main import main

TEACHER = """
import re, zlib
from support.scripted_program import teacher

SENTENCES = ["Warm it slowly. ", "Wait an hour, then look at it again. ", "Rinse it. ", "Dry it in the shade. "]

def number(text):
    return zlib.crc32(text.encode())

def quality(answer):
    return number(answer) % 5

def answer(number):
    return f"{''.join(SENTENCES[:1 + number % 4])}That is {number}."

def preferred(inputs):
    prompt, first, second = re.search(
        r"Prompt: (.*)\\n\\nFirst: (.*)\\n\\nSecond: (.*)\\n\\nWhich", inputs["prompt"], re.S
    ).groups()
    is_first = quality(first) > quality(second) or number(prompt) % 3 == 0
    return {"verdict": "first" if is_first else "second"}

SCRIPT = {
    "answer": lambda inputs: answer(number(inputs["prompt"])),
    "judge aspects": lambda inputs: {"rating": 1 + quality(inputs["response"])},
    "judge prefer": preferred,
}
reply = teacher("ultrafeedback", SCRIPT)
"""


def test_a_run_of_pairs_counts_longer_answers_and_agreeing_orders(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project, out = tmp_path / "project", tmp_path / "dataset"
    assert main(["init", str(project), "--recipe", "ultrafeedback"]) == 0
    (project / "teacher.py").write_text(TEACHER, encoding="utf-8")
    sets = ["models.small.model=scripted/teacher.py", "embedder=scripted/hashed-words", "run.max_candidates=24"]
    capsys.readouterr()
    where = ["-c", str(project / "seedbed.yaml"), "--out", str(out), "--uncompiled"]
    main(["run", *where, *(f"--set={line}" for line in sets)])
    printed, card = capsys.readouterr().out, (out / "README.md").read_text(encoding="utf-8")
    report, made = json.loads((out / "run.json").read_text(encoding="utf-8")), rows(out)
    longer = sum(len(row["chosen_answer"].split()) > len(row["rejected_answer"].split()) for row in made)
    disagree = report["counts"]["rejected"]["orders disagree"]
    figures = report["pairs"]
    assert 0 < longer < len(made)
    assert (figures["pairs"], figures["longer"]) == (len(made), longer)
    assert (figures["asked"], figures["agreed"]) == (len(made) + disagree, len(made))
    for text in (printed, card):
        assert f"the chosen answer is the longer one in {longer} of {len(made)} pairs" in text
        assert f"the same answer in both orders in {len(made)} of {len(made) + disagree} pairs" in text
    assert made[0]["chosen_answer"].splitlines()[0] in printed
