"""Exports as the trainers' own code reads them: LLaMA-Factory's and axolotl's converters, installed without what they
require, because their pins exclude each other and ours."""

import importlib
import importlib.machinery
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.recipes import recipe_that, register
from support.run_folders import write_run
from support.tiny_model import BAD, GOOD, PROMPT, tokenizer

from programs.core.kinds import Stepwise
from programs.core.program import Program
from programs.core.row import Candidate
from programs.preferences.ultrafeedback import RatedPair
from programs.qa.grounded_qa import QA
from seedbed.cli.main import main

pytestmark = pytest.mark.slow  # torch and transformers take ten seconds to import

CHAT = QA(passage=PROMPT, question=PROMPT, answer=GOOD)
PAIR = RatedPair(instruction=PROMPT, chosen_answer=GOOD, rejected_answer=BAD, models=["small"])
STEPS = Stepwise(problem=PROMPT, completions=[GOOD, BAD], ratings=[1, -1])


def exported(base: Path, recipe: str, row: Candidate, to: str) -> tuple[Path, dict[str, Any]]:
    """The folder of an export, and its first line."""
    folder = write_run(base / "run", recipe, [row])
    assert main(["export", str(folder), "--to", to, "--out", str(base / "out")]) == 0
    first = (base / "out" / "train.jsonl").read_text(encoding="utf-8").split("\n")[0]
    return base / "out", json.loads(first)


READ = [
    ("grounded-qa", CHAT, "llamafactory", [GOOD]),
    ("ultrafeedback", PAIR, "llamafactory", [GOOD, BAD]),
    ("grounded-qa", CHAT, "llamafactory-kto", [GOOD, ""]),  # a good answer has an empty one on the bad side
]
ABSENT = "make test installs it where the index has it"


@pytest.mark.parametrize(("recipe", "row", "to", "answers"), READ)
def test_llama_factory_finds_prompt_and_answers(
    recipe: str, row: Candidate, to: str, answers: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = types.ModuleType("torchaudio")  # imported for sounds, of which there are none
    audio.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
    monkeypatch.setitem(sys.modules, "torchaudio", audio)
    parser = pytest.importorskip("llamafactory.data.parser", reason=ABSENT)
    converter = importlib.import_module("llamafactory.data.converter")
    out, line = exported(tmp_path, recipe, row, to)
    (listed,) = parser.get_dataset_list(["seedbed_train"], str(out))
    read = converter.SharegptDatasetConverter(listed, types.SimpleNamespace(media_dir=str(out)))(line)
    assert [message["role"] for message in read["_prompt"]] == ["user"]
    assert PROMPT in read["_prompt"][0]["content"]
    assert [message["content"] for message in read["_response"]] == answers


def axolotl(name: str) -> Any:
    return pytest.importorskip(f"axolotl.prompt_strategies.{name}", reason=ABSENT)


def axolotl_config(out: Path) -> Any:
    """axolotl.yaml, once axolotl's own schema has taken it, as far as that needs no GPU."""
    schemas = pytest.importorskip("axolotl.utils.schemas.config", reason=ABSENT)
    raw = yaml.safe_load((out / "axolotl.yaml").read_text(encoding="utf-8"))
    schemas.AxolotlInputConfig.model_validate({**raw, "bf16": False})
    return importlib.import_module("axolotl.utils.dict").DictDefault(raw)


def test_axolotl_trains_on_the_answers_alone(tmp_path: Path) -> None:
    loader = axolotl("chat_template")
    out, line = exported(tmp_path, "grounded-qa", CHAT, "axolotl")
    config = axolotl_config(out)
    read = loader.load(tokenizer(), config, config["datasets"][0]).tokenize_prompt(line)
    learned = tokenizer().decode([label for label in read["labels"] if label != -100])
    assert learned.startswith(GOOD)
    assert PROMPT not in learned


def test_axolotl_reads_single_answers_with_their_label(tmp_path: Path) -> None:
    loader = axolotl("kto")
    out, line = exported(tmp_path, "ultrafeedback", PAIR, "axolotl-kto")
    config = axolotl_config(out)
    read = loader.load(config["datasets"][0]["type"], config, dataset_idx=0)(dict(line))
    assert read["prompt"].startswith("<|im_start|>user\n")
    assert (read["completion"], read["label"]) == (f"{GOOD}<|im_end|>", True)


def test_axolotl_reads_pairs_for_reward_models(tmp_path: Path) -> None:
    loader = axolotl("bradley_terry.chat_template")
    out, line = exported(tmp_path, "ultrafeedback", PAIR, "axolotl-reward")
    config = axolotl_config(out)
    read = loader.load(tokenizer(), config, config["datasets"][0])._tokenize_single_prompt(dict(line))
    assert GOOD in tokenizer().decode(read["chosen_ids"])
    assert BAD in tokenizer().decode(read["rejected_ids"])


def test_axolotl_finds_the_sides_of_a_pair(tmp_path: Path) -> None:
    loader = axolotl("dpo.chat_template").default
    out, line = exported(tmp_path, "ultrafeedback", PAIR, "axolotl")
    config = axolotl_config(out)
    assert (config["rl"], config["datasets"][0]["type"]) == ("dpo", "chat_template.default")
    read = loader(config | {"chat_template": "tokenizer_default"})[0](line, tokenizer=tokenizer())
    assert PROMPT in read["prompt"]
    assert (read["chosen"].split(" <eos>")[0], read["rejected"].split(" <eos>")[0]) == (GOOD, BAD)


def test_axolotl_labels_the_end_of_each_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Solved(Program):
        row = Stepwise

    register(monkeypatch, recipe_that(name="steps", program=Solved))
    strategy = axolotl("stepwise_supervised")
    out, line = exported(tmp_path, "steps", STEPS, "stepwise")
    config = axolotl_config(out)
    (dataset,) = config["datasets"]
    assert (dataset["type"], config["process_reward_model"]) == ("stepwise_supervised", True)
    read = strategy.StepwiseSupervisedPromptTokenizingStrategy(tokenizer(), step_separator="minutes").tokenize_prompt(
        line
    )
    assert [label for label in read["labels"] if label != strategy.IGNORE_INDEX] == [1, 0]
