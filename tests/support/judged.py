"""A judge's model that follows a script, and a row to judge: what the tests of judges share."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dspy
import pytest
from dspy import lm15
from support.scripted_program import Inputs, in_json, inputs_of, response
from support.scripted_program import Reply as Said

from programs.core.background import run_sync
from programs.core.row import Candidate, Exchange
from programs.core.tools import using
from programs.judges.judge import JUDGES, Judge, Pairwise, RulesJudge, Verdict
from programs.judges.rater import Rater
from seedbed.models.call_context import call_context
from seedbed.models.engines.engine import Shared
from seedbed.models.lm import TeacherLM

RATERS: dict[str, Callable[[], Rater]] = {**JUDGES, "pairwise": Pairwise}
DOCUMENT = "The K3 kettle holds 1.7 litres. It was first sold in 1889 in Leeds."
ROW = Exchange(text=DOCUMENT, asked="What does the K3 kettle hold?", said="It holds 1.7 litres.")
YES: Said = {"reasoning": "it stands there", "verdict": "yes"}
NO: Said = {"reasoning": "it does not stand there", "verdict": "no"}
REASON = 'The verdict could be "no", or "verdict": "no" at first sight.'
WRITTEN = {
    "chat": f"[[ ## reasoning ## ]]\n{REASON}\n\n[[ ## verdict ## ]]\nyes\n\n[[ ## completed ## ]]",
    "json": json.dumps({"reasoning": REASON, "verdict": "yes"}),
    "compact": f" {REASON}\nVerdict: yes",
}


class Script(Shared):
    """Answers `say(inputs, draw)`, in JSON; `asked` are the inputs of every call, `requests` the calls."""

    identity, enforces_schema, continues, concurrency = "script", True, False, 8

    def __init__(self, say: Callable[[Inputs, int], Said]) -> None:
        self.say, self.asked, self.requests = say, list[Inputs](), list[lm15.Request]()

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.asked.append(inputs_of(request))
        self.requests.append(request)
        return response(request, self.say(self.asked[-1], call_context().draw))

    async def aclose(self) -> None: ...


@contextmanager
def judged_by(say: Callable[[Inputs, int], Said] | Said) -> Iterator[Script]:
    engine = Script(say if callable(say) else lambda inputs, draw: say)
    writer = TeacherLM("writer", Script(lambda inputs, draw: pytest.fail("the writer was asked")))
    with dspy.context(lm=writer), using(judge=TeacherLM("judge", engine)):
        yield engine


def judge(name: str) -> Judge:
    """A judge that asks in JSON, with two rules where it takes rules."""
    made = in_json(JUDGES[name]())
    if isinstance(made, RulesJudge):
        made.rules = ["Say please.", "Name no brand."]
    return made


def verdict(name: str, said: Callable[[Inputs, int], Said] | Said, row: Candidate = ROW) -> Verdict:
    with judged_by(said):
        return run_sync(judge(name).acall(row))
