"""The models that a program asks beside its teacher are opened, capped, booked, checked and recorded as it is."""

import json
from collections.abc import Sequence
from typing import Any

import dspy
import pytest
from support.hostile import says, status
from support.served import Served, by_model, served, well

from metrics.metric import Bars, Metric
from optimize.scoring import score_source
from programs.core.background import run_sync
from programs.core.outputs import Outputs
from programs.core.program import Program
from programs.core.recipe import recipes
from programs.core.row import Drop, Exchange, Source
from programs.core.step import Step
from programs.core.tools import tools, using
from programs.judges.judge import JUDGES
from seedbed.cli.main import main
from seedbed.config.load import load_config
from seedbed.errors import TeacherDown, UserError
from seedbed.models.hashed_words import hashed_words as embed
from seedbed.project.project import Project
from seedbed.project.session import Session

__all__ = ["served"]
OTHERS = {"panel": ["a", "b"], "student": "c", "weak": "d"}


class Answerer(Program):
    """Answers a prompt as it stands."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = Step(dspy.Signature("prompt -> answer"), "bare")


def bind(served: Served, **more: Any) -> None:
    """Four more models on the same server, in the roles of OTHERS."""

    def edit(config: dict[str, Any]) -> None:
        for alias in "abcd":
            config["models"][alias] = config["models"]["mock"] | {"model": alias} | more.get(alias, {})
        config["roles"] |= OTHERS

    served.change(edit)


def opened(served: Served, journal: str = "journal.sqlite", **options: Any) -> Session:
    config = load_config(served.base / "seedbed.yaml")
    return Session(Project(config, served.base), served.base / journal, history=False, **options)


def answers(session: Session, draw: int = 0) -> dict[str, Sequence[Outputs | Drop]]:
    """Two answers of every model but the teacher, by alias."""
    held = tools()
    members = [*held.panel, *filter(None, (held.student, held.weak))]
    with session.scope("row", draw), using(draw=draw):
        return {
            member.alias: run_sync(Answerer().sample(Exchange(), "answer", 2, lm=member.lm, prompt="Who are you?"))
            for member in members
        }


def test_every_model_of_a_role_answers_for_itself_and_is_booked(served: Served) -> None:
    bind(served)
    served.server.plan(by_model(**{alias: says(f"I am {alias}.") for alias in "abcd"}, mock=well))
    with opened(served) as session:
        assert answers(session) == {alias: [{"answer": f"I am {alias}."}] * 2 for alias in "abcd"}
        paid = run_sync(session.ledger.totals(session.ledger.account))
    assert {alias: spending.calls for alias, spending in paid.items()} == dict.fromkeys("abcd", 2)
    assert {body["temperature"] for body in served.server.bodies} == {0.7}
    assert len(served.server.bodies) == 8


def test_a_replay_repeats_every_sample_and_another_draw_is_asked_anew(served: Served) -> None:
    bind(served)
    served.server.plan(*(says(f"reply {n}") for n in range(99)))
    with opened(served) as session:
        first, second = answers(session), answers(session, draw=1)
    texts = [str(answer) for replies in [*first.values(), *second.values()] for answer in replies]
    assert len(set(texts)) == 16
    with opened(served, offline=True) as session:
        assert (answers(session), answers(session, draw=1)) == (first, second)


def test_the_teachers_fallback_serves_the_panel_and_nobody_stands_in_for_a_student(served: Served) -> None:
    bind(served)
    served.change(lambda config: config.update(fallback={"teacher": "b"}))
    down = status(401)
    served.server.plan(by_model(a=down, b=says("I am b."), c=down, d=says("I am d."), mock=well))
    with opened(served) as session, session.scope("row") as scope:
        panel, student = tools().panel, tools().student
        assert student
        reply = run_sync(Answerer().ask(Exchange(), "answer", lm=panel[0].lm, prompt="Who?"))
        assert (reply, scope.stood_in) == ({"answer": "I am b."}, {"b"})
        with pytest.raises(TeacherDown, match="c: no"):
            run_sync(Answerer().ask(Exchange(), "answer", lm=student.lm, prompt="Who?"))


@pytest.mark.parametrize("role", ["panel", "student", "weak"])
def test_a_cap_in_dollars_wants_every_models_price(served: Served, role: str) -> None:
    bind(served)
    alias = {"panel": "b", "student": "c", "weak": "d"}[role]
    served.change(lambda config: [config["models"][alias].pop("input_price"), config.update(budget={"max_usd": 9})])
    with pytest.raises(UserError, match=f"what {alias} "):
        opened(served)


def test_a_run_records_them_and_warns_of_their_licences(served: Served) -> None:
    bind(served, a={"allows_training": True}, b={"allows_training": False})
    assert served.run() == 0
    setup, warnings = served.report()["setup"], " ".join(served.report()["warnings"])
    assert all(f"the output of {alias} ({alias})" in warnings for alias in "bcd")
    assert "the output of a " not in warnings
    for roles in ({"panel": ["b", "a"]}, {"student": "d", "weak": "c"}):
        served.change(lambda config, roles=roles: config["roles"].update(roles))
        assert served.run("other") == 0
        assert served.report("other")["setup"] != setup


def test_doctor_asks_them_all(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    bind(served)
    served.server.plan(says("In 1931."))
    main(["doctor", "-c", str(served.base / "seedbed.yaml"), "--json"])
    subjects = {finding["what"] for finding in json.loads(capsys.readouterr().out)}
    assert {"panel (a)", "panel (b)", "student (c)", "weak (d)"} <= subjects


def test_another_teacher_leaves_them_their_models(served: Served) -> None:
    bind(served)
    roles = load_config(served.base / "seedbed.yaml").swap("a").roles
    assert (roles.cascade, roles.panel, roles.student, roles.weak) == (["a"], ["a", "b"], "c", "d")


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({"panel": ["mock", "mok"]}, 'roles.panel: there is no alias "mok"'),
        ({"panel": ["mock", "mock"]}, "must name each alias once"),
        ({"student": "mok"}, 'roles.student: there is no alias "mok"'),
        ({"weak": "mok"}, 'roles.weak: there is no alias "mok"'),
    ],
)
def test_a_role_names_an_alias_once(served: Served, roles: dict[str, Any], said: str) -> None:
    served.change(lambda config: config["roles"].update(roles))
    with pytest.raises(UserError) as raised:
        load_config(served.base / "seedbed.yaml")
    assert said in str(raised.value)


class Judged(Answerer):
    """Answers, and asks the judge of the run what it is worth; twice, for one call."""

    def __init__(self, aspect: str) -> None:
        super().__init__()
        self.aspect = aspect

    async def aforward(self, prompt: str) -> dspy.Prediction:
        row = Exchange(asked=prompt)
        if await self.settle(row, said="It is a river."):
            verdicts = [await self.judge(self.aspect, row) for _ in range(2)]
            row.said = f"{row.said} {[verdict.score for verdict in verdicts]}"
        return dspy.Prediction(candidates=[row])


def test_a_program_asks_the_judge_of_the_run_and_pays_once(served: Served) -> None:
    judge = JUDGES["curation"]()
    judge.judge.format = "json"
    metric = Metric(recipes()["lab"], embed, Bars(), judges=[judge])
    served.server.plan(says('{"reasoning": "good", "grade": 5}'))
    source = Source(id="s", group="g", inputs={"prompt": "What is the Rhine?"})
    with opened(served) as session, session.scope("s"):
        (scored,) = run_sync(score_source(Judged("curation"), source, metric))
        assert scored.candidate.response == "It is a river. [1.0, 1.0]"
        with pytest.raises(RuntimeError, match="no judge 'harder' among \\['curation'\\]"):
            run_sync(score_source(Judged("harder"), source, metric))
    grading = [body for body in served.server.bodies if "It is a river.\n" in json.dumps(body).replace("\\n", "\n")]
    assert len(grading) == 1


def test_a_model_that_refuses_a_temperature_is_sent_none(served: Served) -> None:
    bind(served, a={"sampling": False, "temperature": 0.5})
    with opened(served) as session:
        answers(session)
    sent = {body["model"]: {"temperature", "top_p"} & body.keys() for body in served.server.bodies}
    assert sent == {"a": set(), "b": {"temperature"}, "c": {"temperature"}, "d": {"temperature"}}
