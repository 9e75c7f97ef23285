"""The whole job on real embedded models and the embedder, and a real llama.cpp server reached by its address."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed.cli.main import main
from seedbed.models.shelf.servers import POOL, Server
from seedbed.models.shelf.serving import Serving
from seedbed.models.shelf.weights import weights

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(900)]
TINY, SMALL = "embedded/smollm2-135m", "embedded/qwen2.5-coder-0.5b"
FEW = ["compile.compare=6", "compile.budget=quick", "compile.max_calls=60", "gates.judges=[]"]
"""Enough to tell one format from another."""


def compiled(folder: Path, model: str) -> Path:
    """A project compiled for a model on fewer calls and passages than the default, which the compiled program ships."""
    assert main(["init", str(folder)]) == 0
    config = folder / "seedbed.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace(SMALL, model), encoding="utf-8")
    few = [word for setting in FEW for word in ("--set", setting)]
    code = main(["compile", "-c", str(config), "--ship", "compiled", *few])
    assert code in (0, 1)  # 1: of so few passages neither program may make a row
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project compiled for the smallest model."""
    return compiled(tmp_path_factory.mktemp("tiny") / "project", TINY)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project compiled for the model that `seedbed init` names."""
    return compiled(tmp_path_factory.mktemp("small") / "project", SMALL)


def manifest(project: Path) -> dict:  # type: ignore[type-arg]
    text = (project / "compiled/grounded-qa/small.manifest.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]


def test_compiling_makes_unreadable_replies_readable(tiny: Path) -> None:
    comparison = manifest(tiny)["comparison"]
    assert comparison["before"]["unreadable"] > 0.5
    assert comparison["after"]["unreadable"] < 0.2


def test_compiling_makes_the_rows_of_a_better_model_worth_more(small: Path) -> None:
    comparison = manifest(small)["comparison"]
    assert comparison["after"]["metric"]["mean"] > comparison["before"]["metric"]["mean"]
    assert comparison["after"]["unreadable"] <= comparison["before"]["unreadable"]


def test_documents_become_a_dataset(small: Path, tmp_path: Path) -> None:
    from datasets import load_dataset

    config, out = str(small / "seedbed.yaml"), tmp_path / "ds"
    assert (
        main(["run", "-c", config, "--rows", "1", "--keep-going", "--out", str(out), "--set", "gates.judges=[]"]) == 0
    )
    rows = [row for split in load_dataset(str(out)).values() for row in split]
    assert len(rows) == 1
    assert all(row["question"].endswith("?") and row["answer"] and row["passage"] for row in rows)
    served = json.loads((out / "run.json").read_text(encoding="utf-8"))["embedded"]["small"]
    assert (served["sha256"], served["slots"]) == (weights(SMALL, Path()).sha256, 1)


def test_a_compiled_program_is_plain_dspy(tiny: Path) -> None:
    import dspy

    from programs.qa.grounded_qa import GroundedQA

    program = GroundedQA()
    program.load(tiny / "compiled/grounded-qa/small.json")
    reply = dspy.utils.DummyLM([{"question": "When did the bridge open?"}, {"answer": "1931"}] * 4)
    for step in (program.ask_question, program.answer_question):
        step.format = "chat"
    with dspy.context(lm=reply):
        assert program(document="The bridge opened in 1931.").candidates[0].answer == "1931"


def test_doctor_says_what_a_call_takes(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "-c", str(tiny / "seedbed.yaml")]) == 0
    printed = capsys.readouterr().out
    assert "ok   llama.cpp: works on" in printed
    assert " s a call" in printed


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A llama.cpp server that is none of Seedbed's to whoever asks it by its address."""
    server = POOL.hold(TINY, weights(TINY, Path()), Serving(4096, 1, 2, -1))
    yield server
    POOL.release(server)


def served(tmp_path: Path, server: Server) -> Path:
    """A project whose teacher is a llama.cpp server, reached by api_base with a key from the environment."""
    folder = tmp_path / "p"
    assert main(["init", str(folder)]) == 0
    path = folder / "seedbed.yaml"
    entry = f'model: smollm2, api_base: "{server.address}/v1", api_key: $SEEDBED_TEST_KEY, completions: true'
    path.write_text(path.read_text(encoding="utf-8").replace(f"model: {SMALL}", entry), encoding="utf-8")
    return folder


def test_any_openai_compatible_server_by_its_address(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDBED_TEST_KEY", server.key)
    assert main(["doctor", "-c", str(served(tmp_path, server) / "seedbed.yaml")]) == 0


def test_a_wrong_key_exits_3_and_is_not_shown(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEEDBED_TEST_KEY", "sk-wrong-wrong")
    config = str(served(tmp_path, server) / "seedbed.yaml")
    assert main(["run", "-c", config, "--uncompiled", "--out", str(tmp_path / "ds")]) == 3
    printed = "".join(capsys.readouterr())
    assert "Check the key" in printed
    assert "sk-wrong" not in printed
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"sk-wrong" in path.read_bytes()]
