"""The whole job on the real embedded model and embedder, and a real llama.cpp server reached by its address."""

import json
from pathlib import Path

import pytest

from seedbed.cli.main import main
from seedbed.engines.embedded import _server

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project compiled with the embedded teacher, on fewer checks and passages than the default."""
    folder = tmp_path_factory.mktemp("embedded") / "project"
    assert main(["init", str(folder)]) == 0
    assert (
        main(
            [
                "compile",
                "-c",
                str(folder / "seedbed.yaml"),
                "--set",
                "compile.judge_checks=8",
                "--set",
                "compile.compare=12",
                "--ship",
                "compiled",  # of so few passages none may be accepted
            ]
        )
        == 0
    )
    return folder


def test_compiling_makes_unreadable_replies_readable(compiled: Path) -> None:
    manifest = json.loads((compiled / "compiled/grounded-qa/small.manifest.json").read_text(encoding="utf-8"))
    comparison = manifest["comparison"]
    assert comparison["before"]["unreadable"] > 0.5
    assert comparison["after"]["unreadable"] < 0.2


def test_documents_become_a_dataset(compiled: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    config = str(compiled / "seedbed.yaml")
    assert main(["run", "-c", config, "--rows", "3", "--out", str(tmp_path / "ds")]) == 0
    rows = [row for split in load_dataset(str(tmp_path / "ds")).values() for row in split]
    assert len(rows) == 3
    assert all(row["question"].endswith("?") and row["answer"] and row["passage"] for row in rows)


def test_a_compiled_program_is_plain_dspy(compiled: Path) -> None:
    import dspy

    from programs.grounded_qa import GroundedQA

    program = GroundedQA()
    program.load(compiled / "compiled/grounded-qa/small.json")
    reply = dspy.utils.DummyLM([{"question": "When did the bridge open?"}, {"answer": "1931"}] * 4)
    for step in (program.ask_question, program.answer_question):
        step.format = "chat"
    with dspy.context(lm=reply):
        assert program(document="The bridge opened in 1931.").candidates[0].answer == "1931"


def served(tmp_path: Path) -> Path:
    """A project whose teacher is a llama.cpp server, reached by api_base with a key from the environment."""
    folder, (_, address, _) = tmp_path / "p", _server()
    assert main(["init", str(folder)]) == 0
    path = folder / "seedbed.yaml"
    entry = f'model: smollm2, api_base: "{address}/v1", api_key: $SEEDBED_TEST_KEY, completions: true'
    text = path.read_text(encoding="utf-8").replace("model: embedded/smollm2-135m", entry)
    path.write_text(text, encoding="utf-8")
    return folder


def test_any_openai_compatible_server_by_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEEDBED_TEST_KEY", _server()[2])
    assert main(["doctor", "-c", str(served(tmp_path) / "seedbed.yaml")]) == 0


def test_a_wrong_key_exits_3_and_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEEDBED_TEST_KEY", "sk-wrong-wrong")
    config = str(served(tmp_path) / "seedbed.yaml")
    assert main(["run", "-c", config, "--uncompiled", "--out", str(tmp_path / "ds")]) == 3
    printed = "".join(capsys.readouterr())
    assert "Check the key" in printed
    assert "sk-wrong" not in printed
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"sk-wrong" in path.read_bytes()]
