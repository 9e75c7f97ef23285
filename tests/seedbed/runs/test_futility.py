"""A run of which nothing comes stops, says why, and goes on when it is told to."""

import json
import math
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hostile import Behaviour, sends, status
from support.paths import TEACHER
from support.projects import short_passages
from support.served import Served, answer, by_model, served, well

from metrics.worth import Worth
from optimize.scoring import Scored
from programs.core.row import Candidate, Drop, Source
from seedbed.cli.main import main
from seedbed.runs.attempt import Outcome, Try
from seedbed.runs.futility import FALSE_STOPS, LEAST, Futility, patience

__all__ = ["served"]
UNREADABLE = sends(answer("I could say a lot about that, and so could others. " + "And so on. " * 40))
MOON = "[[ ## answer ## ]]\nThe moon is made of cheese and of nothing else at all.\n\n[[ ## completed ## ]]"


async def unsupported(request: web.Request) -> web.StreamResponse:
    """Good questions, and answers that no document gives."""
    text = json.loads(await request.read())["messages"][-1]["content"]
    return await (sends(answer(MOON)) if "`[[ ## answer ## ]]`" in text else well)(request)


def first(n: int, before: Behaviour, after: Behaviour) -> Behaviour:
    """The first n requests meet one behaviour, the rest another."""
    calls = [0]

    async def behave(request: web.Request) -> web.StreamResponse:
        calls[0] += 1
        return await (before if calls[0] <= n else after)(request)

    return behave


def outcome(passed: bool, candidates: int = 1, **more: Any) -> Outcome:
    """A source whose candidates all pass, or none."""
    drop = None if passed else Drop(step="veto", reason="off topic")
    source = Source(id="s", group="g", inputs={})
    return Outcome("id", [Try("small", [Scored(source, Candidate(), Worth(score=0, drop=drop))] * candidates)], **more)


def chance(p: float, n: int, sources: int) -> float:
    """Exactly how likely a run of `sources`, each of which gives a row with probability p, meets n without one in a
    row somewhere: by how many have been empty in a row so far."""
    empty, stopped = [1.0] + [0.0] * (n - 1), 0.0
    for _ in range(sources):
        gives = p * math.fsum(empty)
        stopped += (1 - p) * empty[-1]
        empty = [gives, *((1 - p) * share for share in empty[:-1])]
    return stopped


@settings(max_examples=40)
@given(st.floats(0.01, 1), st.integers(1, 1500))
def test_of_a_hundred_runs_at_what_was_measured_at_most_one_is_stopped(p: float, sources: int) -> None:
    assert patience(p, sources) >= LEAST
    if (n := patience(p, sources)) <= sources:
        assert chance(p, n, sources) <= FALSE_STOPS


def test_no_run_waits_for_much_longer_than_that_takes() -> None:
    assert [patience(p, 1000) for p in (0.08, 0.12, 0.25)] == [108, 74, LEAST]
    for p in (0.03, 0.08, 0.12):
        assert chance(p, patience(p, 1000) - patience(p, 1000) // 20, 1000) > FALSE_STOPS


@pytest.mark.parametrize("acceptance", [None, 0.0, 1.0, 0.9999999])
def test_at_the_ends_of_the_scale_forty_are_enough(acceptance: float | None) -> None:
    assert patience(acceptance, 1000) == LEAST == 40


@pytest.mark.parametrize("several", [1, 5])
def test_alike_candidates_of_one_source_do_not_stop_more_runs(several: int) -> None:
    rng, p, stopped = random.Random(several), 0.15, 0
    for _ in range(400):
        futility = Futility(patience(p, 1000))
        for _ in range(1000 // several):
            futility.see(outcome(rng.random() < p, several))
            if futility.verdict:
                stopped += 1
                break
    assert stopped <= 400 * FALSE_STOPS * 2.5  # four are expected at most, and ten by chance once in 300 times


def test_what_was_not_paid_for_now_is_passed_over_and_what_failed_is_not() -> None:
    futility = Futility(2)
    for ignored in (outcome(False, paid=False), outcome(True, paid=False), outcome(False, failed=True)):
        futility.see(ignored)
    assert futility.verdict is None
    futility.see(outcome(False))
    assert futility.verdict


@pytest.mark.parametrize(
    ("behaviour", "reason", "shown", "cure"),
    [
        (UNREADABLE, "unreadable reply", "I could say a lot about that", "more seeds"),
        (unsupported, "unsupported", "The moon is made of cheese", "seeds on documents like yours"),
        (sends(answer("")), "empty reply", "", "max_tokens"),
        (first(1, UNREADABLE, status(400)), "teacher failed", "[seedbed/mock] no", "what the server refuses"),
    ],
)
def test_a_run_that_makes_nothing_stops_and_says_of_what(
    served: Served, capsys: pytest.CaptureFixture[str], behaviour: Behaviour, reason: str, shown: str, cure: str
) -> None:
    served.server.plan(behaviour)
    assert served.run(rows=50, models__mock__concurrency=1) == 1
    report = served.report()
    assert (report["counts"]["candidates"], report["exit_code"]) == (LEAST, 1)
    times = report["counts"]["rejected"][reason]
    assert report["stopped"].startswith(f"nothing came of {LEAST} sources in a row: {reason}, {times} times, such as '")
    assert all(words in report["stopped"] for words in (shown, cure, "--keep-going"))
    assert report["stopped"] in capsys.readouterr().out


def test_what_it_costs_does_not_depend_on_how_much_is_asked_at_once(served: Served) -> None:
    served.server.plan(UNREADABLE)
    paid = []
    for slots in (1, 4, 32):
        before = len(served.server.bodies)
        assert served.run(f"ds{slots}", 50, models__mock__concurrency=slots) == 1
        paid.append(len(served.server.bodies) - before)
    assert len(set(paid)) == 1
    assert served.bytes("ds1") == served.bytes("ds4") == served.bytes("ds32")


def test_the_same_command_goes_on_when_it_is_told_to(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.server.plan(UNREADABLE)
    assert served.run(rows=50) == 1
    paid = len(served.server.bodies)
    assert served.run("ds", 50, "--keep-going", run__max_candidates=50) == 1
    assert "run.max_candidates: 50 is reached" in capsys.readouterr().out
    assert len(served.server.bodies) * LEAST == paid * 50
    assert served.run("fresh", 50, run__max_candidates=50, run__keep_going=True) == 1
    assert served.bytes() == served.bytes("fresh")


def test_what_an_earlier_invocation_made_does_not_count(served: Served) -> None:
    served.change(lambda config: config["options"].update(draws=2))
    served.server.plan(UNREADABLE)
    for invocation in (1, 2):
        assert served.run(rows=50) == 1
        assert served.report()["counts"]["candidates"] == invocation * LEAST
    served.server.plan(well)
    assert served.run(rows=5) == 0


def test_what_is_scored_again_and_not_paid_does_not_count(served: Served) -> None:
    assert served.run(rows=50) == 0
    candidates = served.report()["counts"]["candidates"]
    assert candidates > LEAST
    assert served.run("ds", 50, gates__relevance=1.0, run__max_candidates=candidates) == 1
    assert f"max_candidates: {candidates} is reached" in served.report()["stopped"]
    assert served.report()["counts"]["accepted"] == 0


def test_a_run_stops_where_it_made_rows_first_and_nothing_since(served: Served) -> None:
    served.server.plan(first(40, well, UNREADABLE))
    assert served.run(rows=90) == 1
    report = served.report()
    assert report["counts"]["accepted"] == len(served.rows()) > 5
    assert report["stopped"].startswith(f"nothing came of {LEAST} sources in a row: unreadable reply")
    assert report["counts"]["rejected"]["unreadable reply"] <= LEAST + 2


def test_rows_that_are_there_already_are_no_sign_of_a_teacher_that_writes_none(served: Served) -> None:
    assert served.run("ds", 50, gates__near_duplicate=0.3, run__max_candidates=LEAST + 10) == 1
    report = served.report()
    assert report["counts"]["rejected"]["near duplicate"] > LEAST
    assert "max_candidates" in report["stopped"]


@pytest.mark.parametrize(("behaviour", "code"), [(well, 0), (UNREADABLE, 1), (status(401), 3)])
def test_a_run_keeps_the_exit_code_with_the_reason(served: Served, behaviour: Behaviour, code: int) -> None:
    served.server.plan(behaviour)
    assert served.run(rows=3) == served.report()["exit_code"] == code


def test_a_replay_does_not_stop_by_it(served: Served) -> None:
    served.server.plan(UNREADABLE)
    assert served.run("ds", 50, "--keep-going", run__max_candidates=50) == 1
    assert served.run("again", 50, f"--replay={served.base / 'ds'}", run__max_candidates=50) == 1
    assert served.report("again")["counts"]["candidates"] == 50
    assert served.bytes("again") == served.bytes()


@pytest.mark.parametrize(("strong", "code"), [(well, 0), (UNREADABLE, 1)])
def test_a_source_counts_in_a_cascade_once_no_teacher_made_anything_of_it(
    served: Served, strong: Behaviour, code: int
) -> None:
    def cascade(config: dict[str, Any]) -> None:
        entry = config["models"].pop("mock")
        config["models"] = {name: entry | {"model": name} for name in ("cheap", "strong")}
        config["roles"] = {"teacher": ["cheap", "strong"]}

    served.change(cascade)
    served.server.plan(by_model(cheap=UNREADABLE, strong=strong))
    assert served.run(rows=50) == code
    report = served.report()
    assert report["teachers"]["strong"]["sources"] >= LEAST
    if code:
        assert report["counts"]["candidates"] == 2 * LEAST
        assert f"{LEAST} sources in a row" in report["stopped"]


BROKEN = "broken.txt"


def scripted(folder: Path, recipe: str = "grounded-qa") -> Path:
    """A new project whose teacher is scripted, and talks nonsense while there is a file broken.txt."""
    assert main(["init", str(folder), "--recipe", recipe]) == 0
    shutil.copy(TEACHER, folder / "sound.py")
    (folder / "teacher.py").write_text(
        "import importlib.util\nfrom pathlib import Path\n\nHERE = Path(__file__).parent\n"
        "spec = importlib.util.spec_from_file_location('sound', HERE / 'sound.py')\n"
        "sound = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(sound)\n\n\n"
        "def reply(prompt, draw):\n"
        f"    return 'no idea' if (HERE / {BROKEN!r}).exists() else sound.reply(prompt, draw)\n",
        encoding="utf-8",
    )
    config = (folder / "seedbed.yaml").read_text(encoding="utf-8")
    config = config.replace("model: embedded/qwen2.5-coder-0.5b", "model: scripted/teacher.py")
    (folder / "seedbed.yaml").write_text(short_passages(config), encoding="utf-8")
    return folder


def command(folder: Path, name: str, *more: str) -> int:
    return main([name, "-c", str(folder / "seedbed.yaml"), *more])


def stopped(out: Path) -> str:
    return str(json.loads((out / "run.json").read_text(encoding="utf-8"))["stopped"])


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A small project, compiled, whose compiled program ships."""
    folder = scripted(tmp_path / "project")
    path = folder / "seedbed.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    config["embedder"], config["gates"] = "scripted/hashed-words", {"judges": [], "relevance": 0.1, "threshold": 0.05}
    config["compile"] |= {"ship": "compiled", "compare": 12, "judge_checks": 8}
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert command(folder, "compile") == 0
    return folder


def test_the_less_a_compile_saw_accepted_the_longer_a_run_waits(
    compiled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = compiled / "compiled" / "grounded-qa" / "small.manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8"))
    comparison = manifest["comparison"]
    (compiled / BROKEN).touch()
    for ships, before, after, metric, sources in (
        ("compiled", 0.02, 0.2, manifest["metric"], patience(0.2, 2000)),
        ("uncompiled", 0.2, 0.02, manifest["metric"], patience(0.2, 2000)),
        ("compiled", 0.02, 0.2, "another", LEAST),
        ("compiled", 0.02, 0.9, manifest["metric"], LEAST),
        ("compiled", 0.02, 0.0, manifest["metric"], LEAST),
    ):
        manifest["ships"] = ships
        comparison["before"]["acceptance"]["mean"], comparison["after"]["acceptance"]["mean"] = before, after
        path.write_text(json.dumps(manifest | {"metric": metric}), encoding="utf-8")
        out = tmp_path / f"{ships} {after} {metric}"
        assert command(compiled, "run", "--out", str(out), "--rows", "50") == 1
        assert f"nothing came of {sources} sources" in stopped(out)
        capsys.readouterr()
        assert command(compiled, "estimate", "--rows", "50", "--pilot", "3", "--json") == 1
        notes = json.loads(capsys.readouterr().out)["notes"]
        assert [note for note in notes if f"stops when {sources} sources in a row" in note]
    assert patience(0.2, 2000) > LEAST


def test_another_program_takes_up_a_folder_in_which_there_is_no_row(compiled: Path, tmp_path: Path) -> None:
    out = tmp_path / "ds"
    (compiled / BROKEN).touch()
    assert command(compiled, "run", "--out", str(out), "--rows", "2", "--uncompiled") == 1
    (compiled / BROKEN).unlink()
    assert command(compiled, "run", "--out", str(out), "--rows", "2") == 0
    assert command(compiled, "run", "--out", str(tmp_path / "fresh"), "--rows", "2") == 0
    files = [
        {shard.name: shard.read_bytes() for shard in base.glob("r*/*.parquet")} for base in (out, tmp_path / "fresh")
    ]
    assert files[0] == files[1]
    assert command(compiled, "run", "--out", str(out), "--rows", "3", "--uncompiled") == 2


@pytest.mark.parametrize("key", ["run.keep_going=true", "run.max_candidates=30"])
def test_an_estimate_says_nothing_of_a_stop_that_will_not_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str
) -> None:
    folder = scripted(tmp_path / "project")
    capsys.readouterr()
    assert command(folder, "estimate", "--uncompiled", "--pilot", "3", "--set", key) == 0
    assert "sources in a row" not in capsys.readouterr().out


@pytest.mark.parametrize("recipe", ["self-instruct", "lab"])
def test_recipes_of_several_candidates_a_source_count_by_source(tmp_path: Path, recipe: str) -> None:
    folder = scripted(tmp_path / "project", recipe)
    (folder / BROKEN).touch()
    assert command(folder, "run", "--out", str(tmp_path / "ds"), "--uncompiled", "--rows", "50") == 1
    assert stopped(tmp_path / "ds").startswith(f"nothing came of {LEAST} sources in a row: unreadable reply")
    assert "'no idea'" in stopped(tmp_path / "ds")
