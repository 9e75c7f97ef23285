"""What `seedbed export` writes trains: its scripts run as they are, on a tiny random model and the CPU."""

import runpy
import sys
from pathlib import Path

import pytest
from support.run_folders import write_run
from support.tiny_model import BAD, GOOD, PROMPT, model, tokenizer

from programs.core.row import Candidate
from programs.preferences.ultrafeedback import RatedPair
from programs.qa.grounded_qa import QA
from programs.texts.tiny_stories import Story
from seedbed.cli.main import main

pytestmark = pytest.mark.slow  # torch, transformers and TRL take ten seconds to import

CHAT = QA(passage=PROMPT, question=PROMPT, answer=GOOD)
PAIR = RatedPair(
    instruction=PROMPT, chosen_answer=GOOD, rejected_answer=BAD, score_chosen=4.0, score_rejected=2.0, models=["small"]
)
ROWS: dict[str, tuple[str, Candidate]] = {
    "trl-sft": ("grounded-qa", CHAT),
    "trl-chat": ("grounded-qa", CHAT),
    "text": ("tiny-stories", Story(story=f"{PROMPT} {GOOD}")),
    "trl-dpo": ("ultrafeedback", PAIR),
    "trl-reward": ("ultrafeedback", PAIR),
    "trl-kto": ("ultrafeedback", PAIR),
}


@pytest.mark.parametrize("to", ROWS)
def test_the_script_of_a_format_trains_on_its_rows(to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, row = ROWS[to]
    head = {"trl-reward": ("LlamaForSequenceClassification", {"num_labels": 1})}.get(to, ("LlamaForCausalLM", {}))
    model(head[0], **head[1]).save_pretrained(tmp_path / "tiny")
    tokenizer().save_pretrained(tmp_path / "tiny")
    out = tmp_path / "out"
    rows = [row, row.model_copy(update={"story": GOOD} if recipe == "tiny-stories" else {})]
    assert main(["export", str(write_run(tmp_path / "run", recipe, rows)), "--to", to, "--out", str(out)]) == 0
    assert len((out / "train.py").read_text(encoding="utf-8").splitlines()) <= 18
    monkeypatch.chdir(out)
    monkeypatch.setattr(sys, "argv", ["train.py", str(tmp_path / "tiny")])
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    runpy.run_path("train.py", run_name="__main__")
    assert (out / "student" / "model.safetensors").is_file()
