"""`seedbed export`: exact columns, provenance beside them, and what is left out, through the command line."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.recipes import recipe_that, register
from support.run_folders import write_run

from metrics.calibration.verdicts import LabelledCase, verdict_id
from programs.core.kinds import Stepwise
from programs.core.program import Program
from programs.core.row import Candidate
from programs.instructions.self_instruct import Instance, Task
from programs.labels.label_to_text import TextForLabel
from programs.preferences.ultrafeedback import RatedPair
from programs.qa.dialogue import Dialogue, Turn
from programs.qa.grounded_qa import QA
from programs.texts.tiny_stories import Story
from seedbed.cli.main import main
from signatures.refusal import DOES_NOT_SAY

PASSAGE = "The kettle boils for two minutes when it is full."


def qa(question: str = "How long does it boil?", answer: str = "Two minutes.", passage: str = PASSAGE) -> QA:
    return QA(passage=passage, question=question, answer=answer)


PAIR = RatedPair(
    instruction="Boil it.", chosen_answer="Two minutes.", rejected_answer="No.", score_chosen=4.5, score_rejected=2.0
)
TALK = Dialogue(
    passage=PASSAGE,
    exchanges=[
        Turn(kind="open", message="How long?", answer="Two minutes."),
        Turn(kind="deepen", message="When?", answer="When it is full."),
    ],
)
STEPS = Stepwise(problem="3 + 4", completions=["3 + 4 = 7", "7"], ratings=[1, 1])
HALF_RIGHT = Stepwise(problem="3 + 5", completions=["3 + 5 = 8", "9"], ratings=[1, -1])
STORY, LABELLED = Story(story="The cat sat."), TextForLabel(task="T", label="refund", text="Pay me back.")
BY_KIND: dict[str, list[Candidate]] = {
    "grounded-qa": [qa(), qa("When does it boil?", "When it is full.")],
    "dialogue": [TALK],
    "ultrafeedback": [PAIR],
    "tiny-stories": [STORY],
    "label-to-text": [LABELLED],
    "steps": [STEPS, HALF_RIGHT],
}


@pytest.fixture(autouse=True)
def _steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe of stepwise rows, of which there is none yet."""

    class Solved(Program):
        row = Stepwise

    register(monkeypatch, recipe_that(name="steps", program=Solved))


def run_of(recipe: str, base: Path, **keys: Any) -> Path:
    return write_run(base / recipe, recipe, keys.pop("rows", BY_KIND[recipe]), **keys)


def exported(capsys: pytest.CaptureFixture[str], *folders: Path, to: str, more: tuple[str, ...] = ()) -> dict[str, Any]:
    capsys.readouterr()
    out = folders[0].parent / f"out-{to}"
    assert main(["export", *map(str, folders), "--to", to, "--out", str(out), "--json", *more]) == 0
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    return record | {"out": out}


def lines(record: dict[str, Any], name: str = "train.jsonl") -> list[dict[str, Any]]:
    content = (record["out"] / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in content.split("\n") if line]  # texts may hold other line breaks


def error(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    capsys.readouterr()
    assert main(["export", *map(str, words)]) == 2
    return capsys.readouterr().err


ASKED = {"role": "user", "content": f"{PASSAGE}\n\nHow long does it boil?"}
ANSWER = {"role": "assistant", "content": "Two minutes."}
FIRST = {
    ("grounded-qa", "trl-sft"): {"prompt": [ASKED], "completion": [ANSWER]},
    ("grounded-qa", "trl-chat"): {"messages": [ASKED, ANSWER]},
    ("grounded-qa", "openai"): {"messages": [ASKED, ANSWER]},
    ("grounded-qa", "axolotl"): {"messages": [ASKED, ANSWER]},
    ("grounded-qa", "prompts"): {"prompt": [ASKED], "answer": "Two minutes.", "document": PASSAGE},
    ("grounded-qa", "trl-kto"): {"prompt": [ASKED], "completion": [ANSWER], "label": True},
    ("grounded-qa", "alpaca"): {"instruction": "How long does it boil?", "input": PASSAGE, "output": "Two minutes."},
    ("grounded-qa", "sharegpt"): {
        "conversations": [{"from": "human", "value": ASKED["content"]}, {"from": "gpt", "value": "Two minutes."}]
    },
    ("ultrafeedback", "trl-dpo"): {
        "prompt": [{"role": "user", "content": "Boil it."}],
        "chosen": [ANSWER],
        "rejected": [{"role": "assistant", "content": "No."}],
    },
    ("ultrafeedback", "trl-reward"): {
        "chosen": [{"role": "user", "content": "Boil it."}, ANSWER],
        "rejected": [{"role": "user", "content": "Boil it."}, {"role": "assistant", "content": "No."}],
        "margin": 2.5,
    },
    ("ultrafeedback", "openai-dpo"): {
        "input": {"messages": [{"role": "user", "content": "Boil it."}], "tools": [], "parallel_tool_calls": True},
        "preferred_output": [ANSWER],
        "non_preferred_output": [{"role": "assistant", "content": "No."}],
    },
    ("ultrafeedback", "llamafactory"): {
        "conversations": [{"from": "human", "value": "Boil it."}],
        "chosen": {"from": "gpt", "value": "Two minutes."},
        "rejected": {"from": "gpt", "value": "No."},
    },
    ("ultrafeedback", "axolotl"): {
        "messages": [{"role": "user", "content": "Boil it."}],
        "chosen": ANSWER,
        "rejected": {"role": "assistant", "content": "No."},
    },
    ("grounded-qa", "axolotl-kto"): {"prompt": ASKED["content"], "completion": "Two minutes.", "label": True},
    ("ultrafeedback", "axolotl-kto"): {"prompt": "Boil it.", "completion": "Two minutes.", "label": True},
    ("ultrafeedback", "axolotl-reward"): {
        "system": "",
        "input": "Boil it.",
        "chosen": "Two minutes.",
        "rejected": "No.",
    },
    ("ultrafeedback", "llamafactory-kto"): {
        "conversations": [{"from": "human", "value": "Boil it."}, {"from": "gpt", "value": "Two minutes."}],
        "kto_tag": True,
    },
    ("steps", "stepwise"): {"prompt": "3 + 4", "completions": ["3 + 4 = 7", "7"], "labels": [True, True]},
    ("steps", "trl-sft"): {
        "prompt": [{"role": "user", "content": "3 + 4"}],
        "completion": [{"role": "assistant", "content": "3 + 4 = 7\n7"}],
    },
    ("tiny-stories", "text"): {"text": "The cat sat."},
    ("label-to-text", "classifier"): {"text": "Pay me back.", "label": "refund"},
}


@pytest.mark.parametrize(("recipe", "to"), FIRST)
def test_a_line_has_the_columns_of_its_format_and_no_others(
    recipe: str, to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = exported(capsys, run_of(recipe, tmp_path), to=to)
    assert lines(record)[0] == FIRST[recipe, to]
    assert set(record["files"]) == {path.name for path in record["out"].iterdir()} - {"export.json"}
    loaded = datasets.load_dataset(
        "json", data_files=str(record["out"] / "train.jsonl"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert set(loaded.column_names) == FIRST[recipe, to].keys()
    assert len(loaded) == record["lines"]["train"]


def test_provenance_names_the_row_of_each_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_of("grounded-qa", tmp_path, validation=[qa("Is it full?", "It is full.")])
    record = exported(capsys, folder, to="trl-sft", more=("--view", "both", "--shuffle", "3"))
    assert record["lines"] == {"train": 4, "validation": 2}
    for split in ("train", "validation"):
        beside = [line for line in lines(record, "provenance.jsonl") if line["split"] == split]
        assert len(beside) == record["lines"][split]
        for line, origin in zip(lines(record, f"{split}.jsonl"), beside, strict=True):
            stored = [row for row in rows_of(folder) if row["id"] == origin["id"]]
            assert line["completion"][0]["content"] == stored[0]["answer"]
            assert origin["lineage"]["spans"][0]["document"] in ("a.md", "b.md", "held.md")


def rows_of(folder: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    return [row for path in folder.glob("rows/*.parquet") for row in pq.read_table(path).to_pylist()]


def test_a_closed_prompt_is_the_question_alone_and_no_refusal_is_learned_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = QA(passage=PASSAGE, question="Who made it?", answer=DOES_NOT_SAY, answerable=False)
    record = exported(
        capsys, run_of("grounded-qa", tmp_path, rows=[qa(), silent]), to="trl-sft", more=("--view=closed",)
    )
    assert [line["prompt"] for line in lines(record)] == [[{"role": "user", "content": "How long does it boil?"}]]
    talks = exported(capsys, run_of("dialogue", tmp_path), to="trl-chat", more=("--view=closed",))
    assert lines(talks)[0]["messages"][0] == {"role": "user", "content": "How long?"}


def test_every_answer_of_a_talk_is_learned_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = exported(capsys, run_of("dialogue", tmp_path), to="trl-sft", more=("--system", "Be brief."))
    assert [line["completion"][0]["content"] for line in lines(record)] == ["Two minutes.", "When it is full."]
    assert [len(line["prompt"]) for line in lines(record)] == [2, 4]
    assert all(line["prompt"][0] == {"role": "system", "content": "Be brief."} for line in lines(record))


def test_answers_that_fell_are_bad_examples_and_questions_that_fell_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fallen = [(qa(answer="Nine hours."), "wrong number"), (qa("The kettle?"), "not a question")]
    record = exported(capsys, run_of("grounded-qa", tmp_path, fallen=fallen), to="trl-kto")
    judged = [("Two minutes.", True), ("When it is full.", True), ("Nine hours.", False)]
    assert [(line["completion"][0]["content"], line["label"]) for line in lines(record)] == judged
    texts = exported(capsys, tmp_path / "grounded-qa", to="axolotl-kto", more=("--system", "Be brief."))
    assert [(line["completion"], line["label"]) for line in lines(texts)] == judged
    assert {line["system"] for line in lines(texts)} == {"Be brief."}
    tagged = exported(capsys, tmp_path / "grounded-qa", to="llamafactory-kto")
    assert [(line["conversations"][-1]["value"], line["kto_tag"]) for line in lines(tagged)] == judged
    assert record["warning"] == texts["warning"] == ""
    sound = write_run(tmp_path / "sound", "grounded-qa", [qa()])
    assert "all answers are good ones" in exported(capsys, sound, to="trl-kto")["warning"]


def test_rows_that_a_trainer_would_choke_on_are_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [qa(), qa("What now?", "   "), qa("What next?", "Nul\x00.")]
    record = exported(capsys, run_of("grounded-qa", tmp_path, rows=rows), to="trl-sft")
    assert record["lines"] == {"train": 1}
    assert record["left_out"] == {"a text of it is empty": 1, "it holds a NUL character or half a surrogate pair": 1}
    assert record["left_out_ids"]["a text of it is empty"] == [rows[1].row_id]
    same = PAIR.model_copy(update={"rejected_answer": "Two minutes."})
    pairs = exported(capsys, run_of("ultrafeedback", tmp_path, rows=[PAIR, same]), to="trl-dpo")
    assert pairs["left_out"] == {"its chosen and its rejected answer are the same": 1}


def test_what_a_person_called_bad_is_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [qa(), qa("When does it boil?", "When it is full."), qa("What boils?", "The kettle.")]
    folder = write_run(tmp_path / "rows", "grounded-qa", rows)
    verdicts = [
        LabelledCase(id=verdict_id(row), answer="-", label=label) for row, label in zip(rows, (1, 0), strict=False)
    ]
    lines_of = "".join(f"{case.model_dump_json()}\n" for case in verdicts)
    (tmp_path / "verdicts.jsonl").write_text(lines_of, encoding="utf-8")
    record = exported(capsys, folder, to="trl-sft")
    assert [line["completion"][0]["content"] for line in lines(record)] == ["Two minutes.", "The kettle."]
    assert record["left_out_ids"] == {"a person called it bad": [rows[1].row_id]}
    reviewed = exported(capsys, folder, to="trl-sft", more=("--rows", "reviewed"))
    assert [line["completion"][0]["content"] for line in lines(reviewed)] == ["Two minutes."]


def test_rejected_answers_go_where_their_document_goes_and_by_what_people_say(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second candidate fell on b.md, which is held out, and a person called the third one good."""
    fallen = [(qa(answer=f"{answer} hours."), "wrong number") for answer in ("Nine", "Eight", "Seven")]
    folder = write_run(
        tmp_path / "r", "grounded-qa", [qa()], validation=[qa("Full?", "Yes.")], fallen=fallen, held_out=["b.md"]
    )
    verdict = LabelledCase(id=verdict_id(fallen[2][0]), answer="-", label=1)
    (tmp_path / "verdicts.jsonl").write_text(verdict.model_dump_json() + "\n", encoding="utf-8")
    record = exported(capsys, folder, to="trl-kto")
    assert [line["completion"][0]["content"] for line in lines(record)] == ["Two minutes.", "Nine hours."]
    assert [line["label"] for line in lines(record, "validation.jsonl")] == [True, False]
    assert record["left_out"] == {"it was rejected, and a person called it good": 1}
    assert "No row can be written" in error(capsys, folder, "--to", "trl-kto", "--rows", "reviewed")
    held = write_run(tmp_path / "h", "grounded-qa", [qa()], validation=[qa("Full?", "Yes.")], held_out=["a.md"])
    assert "none for training" in error(capsys, held, "--to", "trl-kto")


def test_a_limit_counts_rows_that_people_let_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [qa(f"How long does kettle {n} boil?") for n in range(20)]
    folder = write_run(tmp_path / "r", "grounded-qa", rows)
    verdicts = [LabelledCase(id=verdict_id(row), answer="-", label=n % 2) for n, row in enumerate(rows[:16])]
    (tmp_path / "verdicts.jsonl").write_text("".join(v.model_dump_json() + "\n" for v in verdicts), encoding="utf-8")
    assert exported(capsys, folder, to="trl-sft", more=("--limit", "10"))["lines"] == {"train": 10}
    more = ("--rows", "reviewed", "--limit", "7")
    assert exported(capsys, folder, to="trl-sft", more=more)["lines"] == {"train": 7}


def test_a_student_that_was_trained_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = exported(capsys, run_of("grounded-qa", tmp_path), to="trl-sft")
    (record["out"] / "student").mkdir()
    (record["out"] / "student" / "model.safetensors").write_bytes(b"mine")
    exported(capsys, tmp_path / "grounded-qa", to="trl-sft", more=("--limit", "1"))
    assert (record["out"] / "student" / "model.safetensors").read_bytes() == b"mine"
    assert len(lines(record)) == 1


def test_rows_without_a_closed_view_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    silent = QA(passage=PASSAGE, question="Who made it?", answer=DOES_NOT_SAY, answerable=False)
    closed = ("--view=closed",)
    record = exported(capsys, run_of("grounded-qa", tmp_path, rows=[qa(), silent]), to="trl-sft", more=closed)
    assert record["left_out"] == {"it has no view without its document": 1}
    beyond = Turn(kind="beyond", message="Who made it?", answer=DOES_NOT_SAY)
    half = TALK.model_copy(update={"exchanges": [TALK.exchanges[0], beyond, TALK.exchanges[1]]})
    talks = [half, TALK.model_copy(update={"context": "system"})]
    record = exported(capsys, run_of("dialogue", tmp_path, rows=talks), to="trl-sft", more=closed)
    assert [line["prompt"][-1]["content"] for line in lines(record)] == ["How long?", "When?"]
    assert record["left_out"] == {"it has no view without its document": 1}
    told = exported(capsys, tmp_path / "dialogue", to="trl-chat", more=("--system", "Be brief."))
    assert [line["messages"][0]["content"] for line in lines(told)] == ["Be brief.", f"Be brief.\n\n{PASSAGE}"]


def test_the_input_of_an_instruction_is_alpacas_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = Instance(instruction="Add the numbers.", input="1 2", output="3")
    record = exported(capsys, write_run(tmp_path / "t", "self-instruct", [task]), to="alpaca")
    assert lines(record) == [{"instruction": "Add the numbers.", "input": "1 2", "output": "3"}]


def test_wrong_use_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_of("tiny-stories", tmp_path)
    assert "--system says nothing of Text rows" in error(capsys, folder, "--to", "text", "--system", "Be brief.")
    assert "names no share above 0" in error(capsys, folder, "--to", "text", "--mix", "tiny-stories=nan")
    twin = write_run(tmp_path / "other" / "tiny-stories", "tiny-stories", [STORY])
    assert "Two runs are called tiny-stories" in error(capsys, folder, twin, "--to", "text")
    shard = folder / "rows" / "train-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:200])
    assert "damaged" in error(capsys, folder, "--to", "text")
    (folder / "run.json").write_text("{", encoding="utf-8")
    assert "run.json" in error(capsys, folder, "--to", "text")


def test_a_format_that_does_not_fit_names_those_that_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = error(capsys, run_of("grounded-qa", tmp_path), "--to", "trl-dpo")
    assert "trl-dpo takes Preference rows, and these are Chat rows" in said
    assert "Formats that fit: trl-sft" in said
    story = run_of("tiny-stories", tmp_path)
    assert 'no format "alpacca"; did you mean "alpaca"?' in error(capsys, story, "--to", "alpacca")
    assert "holds no finished run" in error(capsys, tmp_path)


def test_prompts_without_answers_have_their_own_kind(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_run(tmp_path / "t", "self-instruct", [Task(instruction="Name a tree.")], options={"outputs": False})
    assert lines(exported(capsys, folder, to="prompts"))[0]["prompt"] == [{"role": "user", "content": "Name a tree."}]


def test_a_model_that_may_not_train_others_is_refused_unless_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run_of("grounded-qa", tmp_path, teacher="strong")
    said = error(capsys, folder)
    assert "The output of strong (openai/gpt-5-mini) is not stated to be allowed to train other models." in said
    assert not (tmp_path / "grounded-qa-trl-sft").exists()
    assert exported(capsys, folder, to="trl-sft", more=("--anyway",))["lines"] == {"train": 2}


def test_an_export_is_replaced_and_other_files_never_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_of("grounded-qa", tmp_path)
    exported(capsys, folder, to="trl-sft")
    assert exported(capsys, folder, to="trl-sft", more=("--limit", "1"))["lines"] == {"train": 1}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("mine", encoding="utf-8")
    assert "has other files in it" in error(capsys, folder, "--out", tmp_path / "mine")
    assert (tmp_path / "mine" / "note.txt").read_text(encoding="utf-8") == "mine"


def test_of_several_runs_what_one_holds_out_is_held_out_in_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first run holds b.md out; of the second, row 0 is of b.md and row 1 repeats a row of the first."""
    first = write_run(
        tmp_path / "one",
        "grounded-qa",
        [qa("When?", "When it is full.")],
        validation=[qa()],
        groups=["a.md"],
        held_out=["b.md"],
    )
    second = write_run(
        tmp_path / "two",
        "grounded-qa",
        [qa("Is it full?", "It is."), qa("When?", "When it is full.")],
        groups=["b.md", "c.md"],
    )
    record = exported(capsys, first, second, to="trl-sft")
    assert record["runs"] == {"one": "c0ffee", "two": "c0ffee"}
    assert record["repeated"] == 1
    held = {line["prompt"][0]["content"].rsplit("\n", 1)[-1] for line in lines(record, "validation.jsonl")}
    assert held == {"How long does it boil?", "Is it full?"}


def test_a_mix_takes_shares_and_a_balance_takes_evenly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    many = [qa(f"How long does kettle {n} boil?") for n in range(40)]
    a = write_run(tmp_path / "a", "grounded-qa", many, groups=["x"] * 9 + ["y"])
    b = write_run(tmp_path / "b", "grounded-qa", [qa(f"Who boils {n}?", "He boils.") for n in range(10)], groups=["z"])
    record = exported(capsys, a, b, to="trl-sft", more=("--mix", "a=3,b=1"))
    runs = [line["run"] for line in lines(record, "provenance.jsonl")]
    assert (runs.count("a"), runs.count("b")) == (30, 10)
    even = exported(capsys, a, to="trl-sft", more=("--limit", "8", "--balance", "document"))
    groups = [line["lineage"]["group"] for line in lines(even, "provenance.jsonl")]
    assert (groups.count("x"), groups.count("y")) == (4, 4)
    assert "--mix names c, and the runs are a" in error(capsys, a, "--mix", "c=1")


def test_only_likely_rows_where_probabilities_are_known(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_of("grounded-qa", tmp_path)
    assert exported(capsys, folder, to="trl-sft", more=("--min-probability", "0.7"))["lines"] == {"train": 2}
    assert "No row can be written" in error(capsys, folder, "--min-probability", "0.8")
    bare = write_run(tmp_path / "bare", "grounded-qa", [qa()], probability=None)
    assert "have no probability" in error(capsys, bare, "--min-probability", "0.5")


def test_llamafactory_and_axolotl_are_told_what_lies_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = exported(capsys, run_of("ultrafeedback", tmp_path), to="llamafactory")
    info = json.loads((record["out"] / "dataset_info.json").read_text(encoding="utf-8"))["seedbed_train"]
    assert info["ranking"] is True
    assert set(info["columns"].values()) == lines(record)[0].keys()
    steps = exported(capsys, run_of("steps", tmp_path), to="stepwise")
    assert "stepwise_supervised" in (steps["out"] / "axolotl.yaml").read_text(encoding="utf-8")


def test_a_neutral_step_counts_as_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = Stepwise(problem="3 + 4", completions=["Add.", "3 + 4 = 7", "7"], ratings=[1, 0, 1])
    aimless = Stepwise(problem="3 + 5", completions=["Well."], ratings=[0])
    folder = run_of("steps", tmp_path, rows=[steps, aimless])
    for neutral, labels in {"true": [True, True, True], "false": [True, False, True], "drop": [True]}.items():
        record = exported(capsys, folder, to="stepwise", more=("--neutral", neutral))
        assert lines(record)[0]["labels"] == labels
        assert len(lines(record)[0]["completions"]) == len(labels)
    assert record["left_out"] == {"it has no step": 1}


def test_an_export_loads_as_a_folder_with_its_splits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = exported(capsys, run_of("grounded-qa", tmp_path, validation=[qa("Is it full?", "It is.")]), to="trl-chat")
    loaded = datasets.load_dataset(str(record["out"]), cache_dir=str(tmp_path / "cache"))
    assert {split: rows.column_names for split, rows in loaded.items()} == {
        "train": ["messages"],
        "validation": ["messages"],
    }


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=6, unique=True))
def test_whatever_stands_in_a_row_each_line_is_sound_and_none_is_lost_untold(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str], texts: list[tuple[str, str]]
) -> None:
    base = tmp_path_factory.mktemp("law")
    folder = write_run(base / "r", "grounded-qa", [qa(), *(qa(question, answer) for question, answer in texts)])
    record = exported(capsys, folder, to="trl-sft")
    written = lines(record)
    assert len(written) + record["repeated"] + sum(record["left_out"].values()) == len(texts) + 1
    for line in written:
        contents = [message["content"] for side in line.values() for message in side]
        assert all(content == content.strip() and content and "\x00" not in content for content in contents)
