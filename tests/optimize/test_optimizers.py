"""Every DSPy optimizer by name, on one step: what it finds, that it replays, and what goes wrong beside it."""

import asyncio
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import dspy
import pytest
from support.paths import ROOT, TESTS
from support.pupil import RULE
from support.searched import RECIPE, Search, paid

from metrics.metric import Metric
from optimize.optimizers import OPTIMIZERS, REFLECTING, auto
from programs.core.background import background_loop
from programs.core.step import Step
from seedbed.errors import TeacherDown, UserError
from seedbed.models.engines.scripted import ScriptedEngine
from seedbed.models.layers.replayed import Replayed
from seedbed.models.lm import TeacherLM
from seedbed.storage.journal import Journal

UNSCORED = {"labeled", "bootstrap"}  # they take demos, and score no way of asking


# what each finds


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_finds_what_it_looks_for_and_the_same_again_without_a_call(
    tmp_path: Path, optimizer: str, capfd: pytest.CaptureFixture[str]
) -> None:
    search = Search(tmp_path, optimizer)
    found, step = search.run(), search.program.step("answer_question")
    if optimizer in REFLECTING:
        assert RULE in step.signature.instructions
        assert found.name.endswith(optimizer)
        assert found.score > 0.99
    else:
        assert step.demos
        assert 0.5 < found.score < 0.99
    assert any(note.startswith(f"{optimizer}: best") for note in search.notes) == (optimizer not in UNSCORED)
    again, before = Search(tmp_path, optimizer), paid(tmp_path)
    again.run()
    assert (again.state, again.said, paid(tmp_path)) == (search.state, search.said, before)
    assert capfd.readouterr() == ("", "")
    search.program.save(tmp_path / "program.json")
    loaded = RECIPE.program()
    loaded.load(tmp_path / "program.json")
    assert loaded.dump_state() == search.program.dump_state()


def test_a_larger_budget_looks_further(tmp_path: Path) -> None:
    calls = []
    for budget in ("light", "medium"):
        search = Search(tmp_path / budget, "gepa", budget=budget)
        search.run()
        calls.append(search.cost().calls)
    assert calls[0] < calls[1]


def test_an_instruction_is_proposed_by_the_reflection_model_alone(tmp_path: Path) -> None:
    for optimizer in ("mipro", "gepa"):
        search = Search(tmp_path / optimizer, optimizer)
        search.search.reflection = search.model("strong")
        search.run()
        proposals = (tmp_path / optimizer / "calls.txt").read_text(encoding="utf-8").count("p")
        assert search.journal.tallies["strong"].calls == proposals > 0


def test_a_demo_is_not_shown_to_the_example_it_was_made_of() -> None:
    step = Step(dspy.Signature("question -> answer"))
    step.demos = [dspy.Example(question=name, answer="x") for name in ("a", "b")]
    assert [demo.question for demo in step.shown({"question": "a"})] == ["b"]


# what goes wrong


@pytest.mark.parametrize("optimizer", ["bootstrap", "mipro", "gepa", "simba"])
def test_a_model_that_dies_stops_the_search_and_the_next_pays_for_the_rest_alone(
    tmp_path: Path, optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Search(tmp_path / "whole", optimizer)
    whole.run()
    folder, answer = tmp_path / "killed", ScriptedEngine.complete
    limit = paid(tmp_path / "whole") - 8

    nobody = dspy.lm15.TransportError("nobody listens")
    nobody.refused = True  # type: ignore[attr-defined]  # as the endpoint engine marks it

    async def dying(engine: ScriptedEngine, request: Any) -> Any:
        if paid(folder) >= limit:
            raise nobody
        return await answer(engine, request)

    monkeypatch.setattr(ScriptedEngine, "complete", dying)
    with pytest.raises(TeacherDown):
        Search(folder, optimizer).run()
    monkeypatch.setattr(ScriptedEngine, "complete", answer)
    again = Search(folder, optimizer)
    again.run()
    assert (again.state, paid(folder)) == (whole.state, paid(tmp_path / "whole"))


DIES = f"""
import sys
from pathlib import Path
sys.path[:0] = [{str(ROOT)!r}, {str(TESTS)!r}]
from support.searched import Search
Search(Path(sys.argv[1]), "gepa").run()
"""


def test_a_search_that_is_killed_pays_again_for_the_calls_in_flight_at_most(tmp_path: Path) -> None:
    whole = Search(tmp_path / "whole", "gepa")
    whole.run()
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / "slow.txt").write_text("0.03", encoding="utf-8")
    process = subprocess.Popen([sys.executable, "-c", DIES, folder])
    while process.poll() is None and paid(folder) < 50:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    (folder / "slow.txt").unlink()
    again = Search(folder, "gepa")
    again.run()
    assert again.state == whole.state
    assert paid(folder) <= paid(tmp_path / "whole") + ScriptedEngine.concurrency


@pytest.mark.parametrize("optimizer", ["bootstrap", "mipro", "gepa", "simba"])
def test_a_fault_of_the_metric_is_no_bad_score(tmp_path: Path, optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared, calls = Metric.compared, [0]

    async def failing(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] > 48:  # past the races before the optimizer
            raise UserError("The disk is full.", hint="Make room.")
        return await compared(*args, **kwargs)

    monkeypatch.setattr(Metric, "compared", failing)
    with pytest.raises(UserError, match="disk is full"):
        Search(tmp_path, optimizer).run()


@pytest.mark.parametrize("optimizer", ["mipro", "copro", "gepa", "simba"])
def test_a_reflection_model_that_cannot_be_read_spoils_nothing(tmp_path: Path, optimizer: str) -> None:
    search = Search(tmp_path, optimizer)
    (tmp_path / "mute.txt").touch()
    found = search.run()
    assert RULE not in search.program.step("answer_question").signature.instructions
    assert found.score > 0.5


def test_an_interrupted_optimizer_ends_at_its_next_call_and_gives_the_streams_back(tmp_path: Path) -> None:
    search, streams, reached = Search(tmp_path, "gepa"), (sys.stdout, sys.stderr), threading.Event()
    (tmp_path / "slow.txt").write_text("0.02", encoding="utf-8")
    search.search.note = lambda words: reached.set() if words.startswith("gepa: best") else None
    settled = threading.Event()

    async def work() -> None:
        try:
            await search.search.run("gepa")
        finally:
            settled.set()

    with dspy.context(lm=search.model("small"), disable_history=True):
        running = asyncio.run_coroutine_threadsafe(work(), background_loop())
        assert reached.wait(30)
        running.cancel()
    assert settled.wait(10)
    assert (sys.stdout, sys.stderr) == streams
    before = paid(tmp_path)
    time.sleep(0.2)
    assert paid(tmp_path) == before


def test_our_own_lines_show_while_an_optimizer_is_silenced(capsys: pytest.CaptureFixture[str]) -> None:
    from optimize.optimizers import _quiet
    from seedbed.progress import Progress

    with Progress() as progress, progress.task("compile", 3) as task, _quiet():
        print("DSPy's own")
        progress.say("best so far")
        task.note("gepa: best 0.62")
    assert capsys.readouterr() == ("", "best so far\n")


# which one


def test_auto_goes_by_examples_budget_and_reflection_model() -> None:
    table = {
        (7, "heavy", True): "labeled",
        (8, "light", True): "gepa",
        (8, "light", False): "bootstrap",
        (8, "medium", False): "random-search",
    }
    assert {key: auto(key[0], key[1], reflects=key[2]) for key in table} == table


# draws


def test_replies_asked_for_at_once_are_draws_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "draws.py").write_text("def reply(prompt, draw):\n    return f'draw {draw}'\n", encoding="utf-8")
    journal = Journal(tmp_path / "journal.sqlite")
    for _ in range(2):
        model = TeacherLM("small", Replayed(ScriptedEngine(tmp_path / "draws.py"), "small", journal))
        assert model("hello", n=3, temperature=1.0) == ["draw 0", "draw 1", "draw 2"]
    tally = journal.tallies["small"]
    assert (tally.calls, tally.replayed) == (6, 3)


def test_a_dead_model_stops_ordinary_code_too(tmp_path: Path) -> None:
    (tmp_path / "dead.py").write_text(
        "from dspy import lm15\ndef reply(prompt, draw):\n    raise lm15.AuthError('no')\n", encoding="utf-8"
    )
    engine = Replayed(ScriptedEngine(tmp_path / "dead.py"), "small", Journal(tmp_path / "journal.sqlite"))
    with pytest.raises(TeacherDown):
        TeacherLM("small", engine)("hello")
