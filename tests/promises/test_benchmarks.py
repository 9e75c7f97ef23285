"""The benchmark scripts run: the mock server answers in every format, and both sides of the client ask the same."""

import argparse
from pathlib import Path

import client
import dspy
import job
import peers
import pytest
import readers
import recipes as benchmark
import run
from mock_server import latency, reply, serving
from passages import passages

from programs.core.recipe import recipes
from programs.formats.formats import FORMATS, SEARCHED
from signatures.judges import JudgeClaim, SplitClaims
from signatures.qa.grounded_qa import AnswerQuestion, AskQuestion

DOCUMENT = next(passages(1, 400))


@pytest.mark.parametrize("form", SEARCHED)
def test_the_mock_server_answers_in_every_format_with_words_of_the_document(form: str) -> None:
    def ask(signature: type[dspy.Signature], **inputs: str) -> dict[str, object]:
        prompt = FORMATS[form].format(signature, [], inputs)[-1]["content"]
        return FORMATS[form].parse(signature, reply(prompt, 5))

    question = str(ask(AskQuestion, document=DOCUMENT)["question"])
    answer = str(ask(AnswerQuestion, document=DOCUMENT, question=question)["answer"])
    assert answer in DOCUMENT
    assert " ".join(answer.split()[:7]) in question
    assert ask(JudgeClaim, document=DOCUMENT, question=question, claim=answer)["verdict"] == "yes"
    assert ask(SplitClaims, question=question, answer=answer)["claims"] == [answer]


def test_a_latency_depends_on_the_request_alone_and_has_the_mean_it_is_named_by() -> None:
    waits = [latency("lognormal-1000-0.8")(mark) for mark in range(0, 2**32, 2**20)]
    assert sum(waits) / len(waits) == pytest.approx(1.0, abs=0.02)
    assert max(waits) > 5
    assert latency("lognormal-1000-0.8")(7) == latency("lognormal-1000-0.8")(7)


def test_every_side_of_the_client_makes_the_same_calls() -> None:
    load = client.Load("fixed-20", 10, 10)
    bare, ours = (client.measured(side, load) for side in ("bare", "ours"))
    assert bare["prompts"] == ours["prompts"]
    assert bare["most"] == ours["most"] == 10


def test_a_whole_run_takes_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SAMPLED", 10)
    run.write_project(tmp_path, 100)
    with serving() as address:
        sets = ["run.rows=30", "embedder=scripted/hashed-words", f"models.mock.api_base={address}/v1"]
        figures = run.measured(argparse.Namespace(work=tmp_path, rows=[30], set=sets, real_embedder=False))
    assert figures["counts"]["accepted"] == 30
    assert [rows // 10 for rows, _, _ in figures["samples"]] == [0, 1, 2, 3]
    assert min(figures[size] for size in ("peak_mb", "journal_mb", "rows_mb", "cpu")) > 0


def test_the_peers_job_is_our_three_steps_and_comes_to_its_verdict() -> None:
    row = {"document": DOCUMENT}
    for column, prompt in peers.steps().items():
        row[column] = reply(job.fill(prompt, row), 5)
    assert row["answer"] in DOCUMENT
    assert "Verdict: yes" in row["verdict"]


def test_readers_are_measured_against_the_text_beside_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# One\n\nTwo *three* four.\n", encoding="utf-8")
    (tmp_path / "a.md.gold").write_text("One two three", encoding="utf-8")
    (tmp_path / "b.md").write_bytes(b"a\0b")
    found = readers.measured(tmp_path, ".md")
    assert (found["files"], found["read"], found["true"], found["spans"]) == (2, 1, 1, 1)
    assert found["shares"] == [pytest.approx(2 * 11 / (11 + 15))]


def test_the_commands_of_a_recipe_are_timed() -> None:
    *_, line = benchmark.table([recipes()["lab"]])
    name, lines, prompts, *times = line.strip("| ").split(" | ")
    assert (name, int(lines) > 0, int(prompts) > 0) == ("lab", True, True)
    assert [float(took) > 0 for took in times] == [True] * 3
