"""Every DSPy optimizer by name, on one step and by the command: what it finds, what it costs, and that it replays."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pupil import RULE
from test_recipes import embed

from metrics.metric import Bars, Metric
from optimize.allowance import Allowance, Caps, Cost, Spent
from optimize.budget import BUDGETS
from optimize.optimizers import OPTIMIZERS, REFLECTING, auto
from optimize.scoring import nearest_before
from optimize.search import StepSearch, Variant
from programs.grounded_qa import GroundedQA, QASeed
from programs.program import Program, background_loop, run_sync
from programs.recipe import recipes
from programs.step import Step
from seedbed.cli.main import main
from seedbed.embedder import Embedder
from seedbed.engines.engine import Shared
from seedbed.engines.scripted import ScriptedEngine
from seedbed.errors import TeacherDown, UserError
from seedbed.journal import Journal, Journaled, Tally
from seedbed.teacher import TeacherLM

HERE = Path(__file__).parent
RECIPE = recipes()["grounded-qa"]
NAMES = ("Abel", "Berta", "Carlo", "Dora", "Emil", "Frida", "Gustav", "Hanna")
NAMES += ("Ivo", "Jana", "Karl", "Lena", "Moritz", "Nora", "Otto", "Paula")

UNSCORED = {"labeled", "bootstrap"}  # they take demos, and score no way of asking
SEARCHING = [name for name in OPTIMIZERS if name != "labeled"]


def seeds() -> list[QASeed]:
    return [
        QASeed(
            id=name,
            source=name,
            document=f"The house of {name} has {n} windows to the yard. A barn stands near the long road there.",
            question=f"What does it say about {name}?",
            answer=f"The house of {name} has {n} windows to the yard.",
        )
        for n, name in enumerate(NAMES, 10)
    ]


class Search:
    """One search over `answer_question` in a folder: its program, its journal, what it said, and what it found."""

    def __init__(self, folder: Path, optimizer: str, *, caps: Caps | None = None, budget: str = "light") -> None:
        folder.mkdir(exist_ok=True)
        for name in ("pupil.py", "teacher.py"):
            shutil.copy(HERE / name, folder)
        self.folder, self.optimizer = folder, optimizer
        self.journal, self.said, self.notes = Journal(folder / "journal.sqlite"), list[str](), list[str]()
        self.program: Program = RECIPE.program()
        self.metric = Metric(RECIPE, embed, Bars(relevance=0.1))
        self.search = StepSearch(
            self.program,
            "answer_question",
            RECIPE.examples(seeds())["answer_question"],
            self.metric,
            BUDGETS[budget],
            say=self.said.append,
            note=self.notes.append,
            allowance=Allowance(caps or Caps(), self.cost),
        )

    def model(self, alias: str) -> TeacherLM:
        engine = ScriptedEngine(self.folder / "pupil.py")
        return TeacherLM(alias, Journaled(engine, alias, self.journal), temperature=0.0, max_tokens=512)

    def cost(self) -> Cost:
        tally = self.journal.tallies["small"]
        return Cost(calls=tally.calls, tokens=tally.input_tokens + tally.output_tokens, minutes=tally.seconds / 60)

    def run(self, **settings: Any) -> Variant:
        with dspy.context(lm=self.model("small"), disable_history=True, **settings):
            try:
                return run_sync(self.search.run(self.optimizer))
            finally:
                self.journal.close()

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.program.dump_state())


def paid(folder: Path) -> int:
    path = folder / "calls.txt"
    return len(path.read_text(encoding="utf-8")) if path.exists() else 0


# what each finds


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_finds_what_it_looks_for_and_the_same_again_without_a_call(
    tmp_path: Path, optimizer: str, capfd: pytest.CaptureFixture[str]
) -> None:
    search = Search(tmp_path, optimizer)
    found, step = search.run(), search.program.step("answer_question")
    if optimizer in REFLECTING:
        assert RULE in step.signature.instructions
        assert found.what.endswith(optimizer)
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
        search.run(reflection_lm=search.model("strong"))
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

    async def dying(engine: ScriptedEngine, request: Any) -> Any:
        if paid(folder) >= limit:
            raise dspy.lm15.TransportError("nobody listens")
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
sys.path[:0] = [{str(HERE.parent)!r}, {str(HERE)!r}]
from test_optimizers import Search
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
    worth, calls = Metric.worth, [0]

    async def failing(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        if calls[0] > 48:  # past the races before the optimizer
            raise UserError("The disk is full.", hint="Make room.")
        return await worth(*args, **kwargs)

    monkeypatch.setattr(Metric, "worth", failing)
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


# what it may take


@pytest.mark.parametrize("optimizer", SEARCHING)
@pytest.mark.parametrize("cap", [10, 90])
def test_no_search_makes_more_calls_than_it_may_and_a_repeat_ends_at_the_same_place(
    tmp_path: Path, optimizer: str, cap: int
) -> None:
    searches = []
    for _ in range(2):
        searches.append(Search(tmp_path, optimizer, caps=Caps(calls=cap)))
        assert searches[-1].run().score > 0
    first, again = searches
    assert first.cost().calls <= cap
    assert (again.state, again.said, again.cost().calls) == (first.state, first.said, first.cost().calls)
    assert again.journal.tallies["small"].replayed == again.cost().calls
    stopped = any(f"compile.max_calls: {cap} is reached; kept the best so far" in line for line in first.said)
    assert stopped == (cap == 10 or optimizer != "bootstrap")


def test_under_a_cap_the_best_an_optimizer_has_found_stands_in_the_last_race(tmp_path: Path) -> None:
    search = Search(tmp_path, "copro", caps=Caps(calls=100))
    found = search.run()
    assert [line for line in search.said if "compile.max_calls: 100 is reached" in line]
    assert found.what.endswith("copro")
    assert RULE in search.program.step("answer_question").signature.instructions


@pytest.mark.parametrize("caps", [Caps(tokens=9000), Caps(minutes=0.5 / 60)])
def test_tokens_and_minutes_are_those_of_the_journal(tmp_path: Path, caps: Caps) -> None:
    (tmp_path / "slow.txt").write_text("0.01", encoding="utf-8")
    states = []
    for _ in range(2):
        search = Search(tmp_path, "random-search", caps=caps)
        search.run()
        states.append((search.state, search.said, search.cost()))
    assert states[0] == states[1]
    assert any("kept the best so far" in line for line in search.said)


@given(st.integers(1, 60), st.lists(st.integers(1, 9)), st.sampled_from([0.25, 0.5, 1.0]))
def test_calls_never_go_beyond_their_cap(cap: int, batches: list[int], share: float) -> None:
    made = [0]
    allowance = Allowance(Caps(calls=cap), lambda: Cost(calls=made[0])).part(share)
    try:
        for batch in batches:
            allowance.check(batch)
            made[0] += batch
    except Spent:
        assert made[0] + batch > cap * share
    assert made[0] <= cap * share


def test_model_time_is_counted_once_whatever_ran_at_once(tmp_path: Path) -> None:
    class Waiting(Shared):
        identity, enforces_schema, continues, logprobs, concurrency = "waiting", True, True, False, 8

        async def complete(self, request: dspy.lm15.Request) -> dspy.lm15.Response:
            await asyncio.sleep(0.05)
            message = dspy.lm15.Message.assistant("x")
            return dspy.lm15.Response(
                id=None, model="m", message=message, finish_reason="stop", usage=dspy.lm15.Usage()
            )

    async def ask(journal: Journal) -> Tally:
        engine = Journaled(Waiting(), "small", journal)  # type: ignore[arg-type]
        texts = [dspy.lm15.Message.user(str(n)) for n in range(4)]
        await asyncio.gather(*(engine.complete(dspy.lm15.Request(model="m", messages=(text,))) for text in texts))
        return journal.tallies["small"]

    journal = Journal(tmp_path / "journal.sqlite")
    paid_for = run_sync(ask(journal)).seconds
    journal.tallies.clear()
    assert 0.05 <= paid_for < 0.15
    assert run_sync(ask(journal)).seconds == pytest.approx(paid_for)


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
        model = TeacherLM("small", Journaled(ScriptedEngine(tmp_path / "draws.py"), "small", journal))
        assert model("hello", n=3, temperature=1.0) == ["draw 0", "draw 1", "draw 2"]
    tally = journal.tallies["small"]
    assert (tally.calls, tally.replayed) == (6, 3)


def test_a_dead_model_stops_ordinary_code_too(tmp_path: Path) -> None:
    (tmp_path / "dead.py").write_text(
        "from dspy import lm15\ndef reply(prompt, draw):\n    raise lm15.AuthError('no')\n", encoding="utf-8"
    )
    engine = Journaled(ScriptedEngine(tmp_path / "dead.py"), "small", Journal(tmp_path / "journal.sqlite"))
    with pytest.raises(TeacherDown):
        TeacherLM("small", engine)("hello")


# novelty


class OneShape(Shared):
    """Asked in JSON it always asks one safe question; in another format a new one each time, a little less apt."""

    identity, enforces_schema, continues, logprobs, concurrency = "one shape", True, False, False, 8

    async def complete(self, request: dspy.lm15.Request) -> dspy.lm15.Response:
        prompt = "\n".join([str(request.system or ""), *(message.text or "" for message in request.messages)])
        name = prompt.rsplit("goes from ", 1)[1].split("burg")[0]
        if "JSON" in prompt:
            said = json.dumps({"question": "Where does the road go from and by, and where does it end?"})
        else:
            varied = f"Which of {name}burg, {name}dorf and {name}feld comes after {name}bach?"
            said = f"[[ ## question ## ]]\n{varied}\n\n[[ ## completed ## ]]" if "[[ ##" in prompt else "none"
        return dspy.lm15.Response(
            id=None,
            model=request.model,
            message=dspy.lm15.Message.assistant(said),
            finish_reason="stop",
            usage=dspy.lm15.Usage(input_tokens=1, output_tokens=1),
        )

    async def aclose(self) -> None: ...


@pytest.mark.parametrize(("novelty", "winner"), [(0.0, "json"), (1.0, "chat")])
def test_one_safe_question_wins_only_where_novelty_counts_for_nothing(novelty: float, winner: str) -> None:
    program = GroundedQA()
    text = "The road goes from {0}burg by {0}dorf and {0}feld to {0}bach, and there does the road end."
    roads = [seed.model_copy(update={"document": text.format(seed.id)}) for seed in seeds()]
    with dspy.context(lm=TeacherLM("small", OneShape())):  # type: ignore[arg-type]
        search = StepSearch(
            program,
            "ask_question",
            RECIPE.examples(roads)["ask_question"],
            Metric(RECIPE, embed, Bars(relevance=0.05)),
            BUDGETS["light"],
            novelty=novelty,
        )
        run_sync(search.run("labeled"))
    assert program.ask_question.format == winner


def test_a_row_loses_by_what_came_before_it_alone() -> None:
    nearest = nearest_before(["a red house", "a red house", "some blue sea"], embed)
    assert nearest[:2] == pytest.approx([0.0, 1.0], abs=1e-3)
    assert nearest[2] < 0.1


def test_steps_with_a_right_answer_are_not_asked_for_novelty(tmp_path: Path) -> None:
    states = []
    for novelty in (0.0, 1.0):
        search = Search(tmp_path / str(novelty), "labeled")
        search.search = StepSearch(
            search.program,
            "answer_question",
            RECIPE.examples(seeds())["answer_question"],
            search.metric,
            BUDGETS["light"],
            novelty=novelty,
        )
        search.run()
        states.append(search.state)
    assert states[0] == states[1]


# by the command


@pytest.fixture
def compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """A project whose teacher is the pupil and whose embedder counts words, which is faster than reading them; call
    it with keys to set for the manifest of its compile."""
    monkeypatch.setattr(Embedder, "__call__", lambda self, texts: embed(texts))
    folder = tmp_path / "project"
    assert main(["init", str(folder)]) == 0
    for name in ("pupil.py", "teacher.py"):
        shutil.copy(HERE / name, folder)
    config = folder / "seedbed.yaml"
    text = config.read_text(encoding="utf-8").replace("embedded/smollm2-135m", "scripted/pupil.py")
    config.write_text(text, encoding="utf-8")

    def compile(*settings: str) -> dict[str, Any]:
        words = [word for setting in settings for word in ("--set", setting)]
        assert main(["compile", "-c", str(config), *words]) == 0
        path = folder / "compiled" / "grounded-qa" / "small.manifest.json"
        return dict(json.loads(path.read_text(encoding="utf-8")), paid=paid(folder))

    return compile


@pytest.mark.parametrize("optimizer", ["mipro", "gepa"])
def test_an_optimizer_by_the_command(compiles: Callable[..., dict[str, Any]], optimizer: str) -> None:
    first = compiles(f"compile.optimizer={optimizer}")
    assert set(first["optimizers"].values()) == {optimizer}
    assert compiles(f"compile.optimizer={optimizer}") == first


def test_the_manifest_records_what_auto_chose(
    compiles: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = compiles("compile.optimizer=auto")["optimizers"]
    assert set(chosen) == {"ask_question", "answer_question"}
    assert set(chosen.values()) <= {"labeled", "bootstrap"}
    assert f"answer_question: auto takes {chosen['answer_question']}" in capsys.readouterr().err


def test_caps_by_the_command(
    compiles: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    caps = ("compile.max_calls=300", "compile.optimizer=random-search", "compile.budget=medium")
    first = compiles(*caps)
    said = capsys.readouterr().err
    assert "compile.max_calls: 300 (this step's part of it) is reached" in said
    assert compiles(*caps) == first


def test_a_cap_in_dollars_wants_prices_before_anything_is_called(
    compiles: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    project = str(tmp_path / "project" / "seedbed.yaml")
    other = ["models.far={model: m, api_base: http://127.0.0.1:9/v1}", "roles.teacher=far", "compile.max_usd=1"]
    words = [word for setting in other for word in ("--set", setting)]
    assert main(["compile", "-c", project, *words]) == 2
    assert "compile.max_usd: what far costs is unknown" in capsys.readouterr().err
    assert paid(tmp_path / "project") == 0
