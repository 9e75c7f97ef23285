"""Calls that are made at once: where one fails for good, no other goes on when the failure is passed on."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

import dspy
import pytest
from dspy import lm15
from dspy.utils.exceptions import LMError
from support.judged import ROW

from programs.core.background import run_sync
from programs.core.row import Exchange
from programs.instructions.lab import Lab
from programs.instructions.self_instruct import SelfInstruct
from programs.judges.judge import JUDGES, Judge, Pairwise, RulesJudge
from seedbed.models.engines.engine import Shared
from seedbed.models.lm import TeacherLM

SAID: dict[str, Any] = {
    "questions": ["How high is the tower?", "How old is the tower?", "Who built the tower?"],
    "proposals": ["Name three rivers of Asia.", "Say what makes a good knot hold."],
    "labels": ["warm", "cold"],
    "claims": ["The kettle holds 1.7 litres.", "The kettle was sold in Leeds.", "It was sold in 1889."],
    "verdict": "yes",
}
LONG = Exchange(text=ROW.text, asked=ROW.asked, said="It holds 1.7 litres. It was first sold in 1889 in Leeds.")


class Stalling(Shared):
    """Answers until a call asks for `field`: the first such call fails, the others hang. `inside` are in flight."""

    identity, enforces_schema, continues, concurrency = "stalling", True, False, 8

    def __init__(self, field: str) -> None:
        self.field, self.inside, self.asked = field, 0, 0

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.inside += 1
        try:
            return await self._answer(request.messages[-1].text or "")
        finally:
            self.inside -= 1

    async def _answer(self, text: str) -> lm15.Response:
        in_json, last = "JSON object" in text, text.rpartition("Respond with")[2]
        names = [name for name in re.findall(r"`(?:\[\[ ## )?(\w+)", last) if name != "completed"]
        if self.field in names:
            self.asked += 1
            if self.asked > 1:
                await asyncio.sleep(30)
            await asyncio.sleep(0.01)  # the others are asked meanwhile
            raise lm15.InvalidRequestError("no", status=400)
        values = {name: SAID.get(name, "Because it is so.") for name in names}
        told = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
        written = json.dumps(values) if in_json else "\n\n".join(f"[[ ## {k} ## ]]\n{v}" for k, v in told.items())
        message, usage = lm15.Message.assistant(written), lm15.Usage()
        return lm15.Response(id=None, model="m", message=message, finish_reason="stop", usage=usage)

    async def aclose(self) -> None: ...


def sampled() -> Coroutine[Any, Any, Any]:
    judge = JUDGES["relevant"]()
    judge.samples = 3
    return judge.acall(ROW)


def ruled() -> Coroutine[Any, Any, Any]:
    return RulesJudge(["Say please.", "Name no brand."]).acall(ROW)


def claims() -> Judge:
    return JUDGES["grounded"]()


WORKS: dict[str, tuple[str, Callable[[], Coroutine[Any, Any, Any]]]] = {
    "lab": ("verdict", lambda: Lab().acall(task="t", examples="e")),
    "self-instruct": ("verdict", lambda: SelfInstruct().acall(tasks="1. Sing.")),
    "self-instruct, output first": ("input", lambda: SelfInstruct().acall(tasks="1. Sing.")),
    "claims": ("verdict", lambda: claims().acall(LONG)),
    "rules": ("verdict", ruled),
    "samples": ("verdict", sampled),
    "two orders": ("verdict", lambda: Pairwise().acall(prompt="p", a="a", b="b")),
}


@pytest.mark.parametrize("what", WORKS)
def test_no_sibling_of_a_failed_call_is_left_behind(what: str) -> None:
    field, work = WORKS[what]
    engine = Stalling(field)

    async def failing() -> int:
        with pytest.raises(LMError, match="no"):
            await work()
        return engine.inside

    with dspy.context(lm=TeacherLM("far", engine), disable_history=True):
        assert run_sync(failing()) == 0
    assert engine.asked > 1
