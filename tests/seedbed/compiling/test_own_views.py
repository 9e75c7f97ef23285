"""Calibration fits a judge with a view of its own to the verdicts on that view, and to no others."""

import json
from pathlib import Path

import dspy
import pytest
from dspy import lm15
from support.bags import embed
from support.judged import Script
from support.projects import project
from support.scripted_program import response

from metrics.calibration.frozen import Frozen
from metrics.calibration.verdicts import LabelledCase
from programs.core.background import run_sync
from programs.core.row import Exchange
from programs.judges.judge import JUDGES, Judge
from seedbed.cli.main import main
from seedbed.compiling.calibrate import Calibrator
from seedbed.models.lm import TeacherLM
from seedbed.progress import Progress

PASSAGE = "The mill opened in 1874. The bridge opened in 1931."


def case(number: int, aspect: str, good: bool) -> LabelledCase:
    asked = "User: When did the mill open?\nAssistant: In 1874." if aspect == "relevant" else f"When did {number} open?"
    answer = "And the bridge?" if good else "And the mill, ?"  # as long, and as near to the passage
    return LabelledCase(
        id=f"{aspect}-{number}",
        group=f"g{number}",
        document=PASSAGE,
        question=asked,
        answer=answer,
        label=good,
        aspect=aspect,
    )


CASES = [case(number, "relevant", number % 2 == 0) for number in range(24)]
ROWS = [case(number, "overall", number % 2 == 0) for number in range(24)]


class Model(Script):
    """A judge's model that says yes where the last thing said is about the bridge, in any message format."""

    def __init__(self) -> None:
        super().__init__(lambda inputs, draw: self.verdict)
        self.prompts, self.verdict = list[str](), {"reasoning": "read", "verdict": "no"}

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.prompts.append(str(request.messages[-1].text))
        self.verdict = {"reasoning": "read", "verdict": "yes" if "And the bridge?" in self.prompts[-1] else "no"}
        return response(request, self.verdict)


def turn_judge() -> Judge:
    judge = JUDGES["relevant"]()
    judge.view = lambda row: Exchange(text=row.document, asked="before", said=row.prompt)
    return judge


def calibrated(cases: list[LabelledCase], judge: Judge) -> tuple[Frozen, Model]:
    model = Model()
    with dspy.context(lm=TeacherLM("judge", model)):
        return run_sync(Calibrator(embed, "bags", Progress(), judges=[judge], writer="judge").frozen(cases)), model


def test_verdicts_on_a_view_fit_their_judge_alone() -> None:
    frozen, _ = calibrated(CASES, turn_judge())
    fit = frozen.fits["relevant"]
    assert set(fit.weights) == {"relevant"}
    assert fit.probability({"relevant": 1.0}) > 0.5 > fit.probability({"relevant": 0.0})
    assert frozen.aspects["relevant"].judges["relevant"].auroc == 1.0
    assert set(frozen.judges) == {"relevant"}
    assert frozen.figures is None
    assert frozen.fitted.ridge == 0.0  # no verdict speaks of the row as a whole


def test_verdicts_on_whole_rows_are_not_shown_to_a_judge_of_another_view() -> None:
    frozen, model = calibrated([*CASES, *ROWS], turn_judge())
    assert model.prompts
    assert all("User: When did the mill open?" in prompt for prompt in model.prompts)
    assert frozen.figures
    assert frozen.figures.n == len(ROWS)
    assert "relevant" not in frozen.fitted.weights


def test_a_judge_of_rows_reads_all_verdicts() -> None:
    frozen, _ = calibrated(CASES, JUDGES["relevant"]())
    assert frozen.figures
    assert frozen.figures.n == len(CASES)


def test_calibrate_prints_the_figures_of_a_judges_own_view(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path / "p", "evol-instruct")
    (folder / "teacher.py").write_text("def reply(prompt, draw):\n    return 'yes' if 'word' in prompt else 'no'\n")
    capsys.readouterr()
    arguments = ["calibrate", "-c", str(folder / "seedbed.yaml"), "--verdicts", str(folder / "verdicts.jsonl")]
    assert main([*arguments, "--out", str(tmp_path / "M.json")]) == 0
    assert " verdicts on harder in " in capsys.readouterr().out
    assert main([*arguments, "--out", str(tmp_path / "M.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["aspects"]["harder"]["n"] >= 30
