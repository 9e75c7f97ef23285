"""A way of asking that a server refuses is a way that failed, and no reason to end a compile."""

import re
from collections.abc import Callable
from pathlib import Path

import dspy
import pytest
from dspy import lm15
from dspy.utils.exceptions import LMError, LMInvalidRequestError
from support.searched import RECIPE, Search, seeds

from optimize.scoring import score_program
from programs.core.background import run_sync
from programs.core.row import Source
from seedbed.errors import TeacherDown
from seedbed.models.call_context import Scope
from seedbed.models.engines.engine import Wrapped
from seedbed.models.engines.scripted import ScriptedEngine
from seedbed.models.layers.replayed import Replayed
from seedbed.models.lm import TeacherLM
from seedbed.models.refused import mend

Refuses = Callable[[lm15.Request], bool]


class Choosy(Wrapped):
    """A model that refuses some requests as a server does."""

    refuses: Refuses

    async def complete(self, request: lm15.Request) -> lm15.Response:
        if self.refuses(request):
            raise lm15.InvalidRequestError("response_format is not supported", status=400)
        return await self.engine.complete(request)


class ChoosySearch(Search):
    refuses: Refuses

    def model(self, alias: str) -> TeacherLM:
        engine = Choosy(ScriptedEngine(self.folder / "pupil.py"))
        engine.refuses = self.refuses
        return TeacherLM(alias, Replayed(engine, alias, self.journal), temperature=0.0, max_tokens=512)


REFUSED: dict[str, Refuses] = {
    "a schema": lambda request: request.config.response_format is not None,
    "a system role": lambda request: request.system is not None,
    "demos": lambda request: len(request.messages) > 1,
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_is_a_variant_that_failed(tmp_path: Path, what: str) -> None:
    search = ChoosySearch(tmp_path, "labeled")
    search.refuses = REFUSED[what]
    best = search.run()
    assert best.score > 0
    refused = [line for line in search.said if "is refused" in line]
    assert refused
    assert all("response_format is not supported" in line for line in refused)
    assert not any(re.search(rf"{best.name} is refused", line) for line in refused)


def test_where_every_way_is_refused_the_refusal_is_said(tmp_path: Path) -> None:
    search = ChoosySearch(tmp_path, "labeled")
    search.refuses = lambda request: True
    with pytest.raises(LMInvalidRequestError, match="response_format is not supported"):
        search.run()


def test_a_program_that_cannot_be_asked_is_worth_nothing(tmp_path: Path) -> None:
    search = ChoosySearch(tmp_path, "labeled")
    search.refuses = lambda request: True
    sources = [Source(id=seed.id, group=seed.id, inputs={"document": seed.document}) for seed in seeds()]
    with dspy.context(lm=search.model("small"), disable_history=True):
        scored = run_sync(score_program(RECIPE.program(), sources, search.metric, lambda id: Scope(id, 0).open()))
    assert {(row.worth.score, row.candidate.dropped and row.candidate.dropped.reason) for row in scored} == {
        (0.0, "request refused")
    }


def test_outside_of_a_compile_refusals_end_the_work_with_what_to_mend(tmp_path: Path) -> None:
    search = ChoosySearch(tmp_path, "labeled")
    search.refuses = lambda request: True
    lm = search.model("small")

    def ask() -> None:
        with dspy.context(disable_history=True):
            run_sync(lm.acall(messages=[{"role": "user", "content": "x"}]))

    for _ in range(4):
        with pytest.raises(LMError):
            ask()
    with pytest.raises(TeacherDown) as raised:
        ask()
    assert (
        raised.value.hint == "Set models.small.schema_enforced: false: it refuses the request itself, and will again."
    )


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("'response_format' is not a permitted parameter", "schema_enforced: false"),
        ("Unsupported value: 'temperature' does not support 0.0", "temperature"),
        ("logprobs are not available", "logprobs: 0"),
        ("something else", "Mend models.a in seedbed.yaml by what the server says"),
    ],
)
def test_a_refusal_names_the_key_to_mend(said: str, key: str) -> None:
    assert key in mend(said, "a")
    assert "again" in mend(said, "a").partition(":")[2]
