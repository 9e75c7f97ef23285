"""Rows of each kind train: written as a run writes them, loaded as a user does, two steps on a tiny random model."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.tiny_model import BAD, GOOD, PROMPT, model, tokenizer

from metrics.worth import Worth
from optimize.scoring import Scored
from programs.core.kinds import Chat, Labelled, Preference, Prompt, Ranked, Stepwise, Text
from programs.core.row import Candidate, Source
from seedbed.runs.rows import row
from seedbed.storage.row_schema import row_schema

pytestmark = pytest.mark.slow  # torch, transformers and TRL take ten seconds to import

SHARED = {
    "recipe": "tiny",
    "teacher": "scripted",
    "judges": ["pair"],
    "program": "p",
    "seeds": ["s-1"],
    "attempt": "a",
    "index": 0,
    "input_tokens": 3,
    "output_tokens": 2,
    "dollars": None,
    "stood_in": [],
}


class TinyChat(Chat, prompt="question", response="answer"):
    question: str = PROMPT
    answer: str = GOOD


class TinyPrompt(Prompt, prompt="instruction"):
    instruction: str = PROMPT


class TinyText(Text, response="story"):
    topic: str = "kettle"
    story: str = f"{PROMPT} {GOOD}"


PAIR = Preference(
    instruction=PROMPT,
    chosen_answer=GOOD,
    rejected_answer=BAD,
    score_chosen=0.9,
    score_rejected=0.25,
    models=["a", "b"],
    ranking=[Ranked(model="a", rank=1, answer=GOOD), Ranked(model="b", rank=2, answer=BAD)],
)


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Rows of a class as a dataset, through a parquet file as a run writes it."""
    import datasets

    def loaded(candidate: Candidate, count: int = 4) -> Any:
        source = Source(id="s", group="g", inputs={}, origin={"document": "kettle.md", "start": 0, "end": 9})
        record = row(
            Scored(source, candidate, Worth(score=0.9, parts={"pair": 1.0}, reasons={"pair": "fine"})), SHARED, {}
        )
        path = tmp_path / "train-00000.parquet"
        pq.write_table(pa.Table.from_pylist([record] * count, row_schema(type(candidate))), path)
        return datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))

    return loaded


def settings(folder: Path) -> dict[str, Any]:
    """Two steps on the CPU, and nothing written."""
    return {
        "output_dir": str(folder),
        "max_steps": 2,
        "per_device_train_batch_size": 2,
        "learning_rate": 1e-2,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "report_to": "none",
        "save_strategy": "no",
        "disable_tqdm": True,
    }


def learns(trainer: Any) -> None:
    """Train, and see that the loss is a number and that the weights have moved."""
    before = [weight.detach().clone() for weight in trainer.model.parameters()]
    result = trainer.train()
    assert result.global_step == 2
    assert result.training_loss == result.training_loss  # not nan
    assert any((was != weight).any() for was, weight in zip(before, trainer.model.parameters(), strict=True))


def test_chats_are_fine_tuned_on_their_messages(load: Any, tmp_path: Path) -> None:
    import trl

    dataset = load(TinyChat())
    learns(
        trl.SFTTrainer(
            model(), trl.SFTConfig(**settings(tmp_path)), train_dataset=dataset, processing_class=tokenizer()
        )
    )
    assert dataset[0]["messages"] == [{"role": "user", "content": PROMPT}, {"role": "assistant", "content": GOOD}]


def test_texts_are_fine_tuned_on(load: Any, tmp_path: Path) -> None:
    import trl

    learns(
        trl.SFTTrainer(
            model(), trl.SFTConfig(**settings(tmp_path)), train_dataset=load(TinyText()), processing_class=tokenizer()
        )
    )


def test_prompts_are_answered_and_rewarded(load: Any, tmp_path: Path) -> None:
    import trl

    prompts = list[Any]()

    def reward(**columns: Any) -> list[float]:
        prompts.extend(columns["prompts"])
        return [float(place) for place, _ in enumerate(columns["completions"])]

    config = trl.GRPOConfig(**settings(tmp_path), num_generations=2, max_completion_length=4)
    learns(trl.GRPOTrainer(model(), reward, config, train_dataset=load(TinyPrompt()), processing_class=tokenizer()))
    assert prompts[0] == [{"role": "user", "content": PROMPT}]


@pytest.mark.parametrize("method", ["DPO", "KTO"])
def test_preferences_train_a_policy(load: Any, tmp_path: Path, method: str) -> None:
    import trl

    config = getattr(trl, f"{method}Config")(**settings(tmp_path))
    trainer = getattr(trl, f"{method}Trainer")
    learns(trainer(model(), model(), config, train_dataset=load(PAIR), processing_class=tokenizer()))


def test_preferences_train_a_reward_model_with_their_margin(load: Any, tmp_path: Path) -> None:
    import trl

    trainer = trl.RewardTrainer(
        model("LlamaForSequenceClassification", num_labels=1),
        trl.RewardConfig(**settings(tmp_path)),
        train_dataset=load(PAIR),
        processing_class=tokenizer(),
    )
    learns(trainer)
    assert trainer.train_dataset[0]["margin"] == pytest.approx(0.65)


def test_steps_load_as_the_trainers_of_process_rewards_want_them(load: Any) -> None:
    from datasets import List, Value

    dataset = load(Stepwise(problem=PROMPT, completions=["it is full", "two minutes"], ratings=[1, -1]))
    assert dataset[0]["prompt"] == PROMPT
    assert dataset[0]["labels"] == [True, False]
    assert dataset.features["completions"] == List(Value("string"))
    assert dataset.features["labels"] == List(Value("bool"))


def test_labelled_texts_load_with_their_label_and_weight(load: Any) -> None:
    from datasets import List, Value

    dataset = load(Labelled(text=PROMPT, label="question", probabilities=[0.75, 0.25]))
    assert (dataset[0]["text"], dataset[0]["label"], dataset[0]["weight"]) == (PROMPT, "question", 1.0)
    assert dataset.features["probabilities"] == List(Value("float64"))
