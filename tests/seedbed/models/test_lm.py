"""A call the short way is the call DSPy would have made, to the byte, and gives what DSPy would have given."""

from typing import Any

import dspy
import pytest
from dspy import lm15
from dspy.utils.callback import BaseCallback
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from programs.core.background import run_sync
from seedbed.errors import TeacherDown
from seedbed.models.engines.engine import Shared
from seedbed.models.lm import TeacherLM


class Echo(Shared):
    """Keeps the requests it gets; answers with its own text, with log-probabilities where they are asked for."""

    identity, enforces_schema, continues, concurrency, logprobs = "echo", True, False, 8, 5

    def __init__(self, text: str = "fine") -> None:
        self.text, self.asked = text, list[lm15.Request]()

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.asked.append(request)
        token = lm15.TokenLogprob(token="fine", logprob=-0.5, top=())
        return lm15.Response(
            id=None,
            model=request.model,
            message=lm15.Message.assistant(self.text),
            finish_reason="stop",
            usage=lm15.Usage(input_tokens=5, output_tokens=2),
            logprobs=(token,) if request.config.logprobs is not None else None,
        )

    async def aclose(self) -> None:
        pass


class Reply(BaseModel):
    answer: str


class Listener(BaseCallback):
    """While it listens every call goes DSPy's own way."""


TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
TURNS = st.lists(TEXT, min_size=1, max_size=6).map(
    lambda texts: [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0.0, 0.7]),
        "max_tokens": st.integers(1, 900),
        "stop": st.just(["\n\n"]),
        "response_format": st.sampled_from([Reply, {"type": "json_object"}]),
        "logprobs": st.just(True),
        "rollout_id": st.integers(1, 3),
    },
)


def both_ways(messages: list[dict[str, str]], options: dict[str, Any]) -> list[tuple[Any, list[lm15.Request]]]:
    """(what the call gave, what the engine was asked), ours first, then DSPy's."""
    results = []
    for callbacks in ([], [Listener()]):
        engine = Echo()
        lm = TeacherLM("echo", engine, temperature=0.3, max_tokens=64)
        with dspy.context(disable_history=True, callbacks=callbacks):
            results.append((run_sync(lm.acall(messages=messages, **options)), engine.asked))
    return results


@given(st.none() | TEXT, TURNS, OPTIONS)
@pytest.mark.filterwarnings("ignore")
def test_the_short_way_asks_and_gives_what_dspys_own_does(
    system: str | None, turns: list[dict[str, str]], options: dict[str, Any]
) -> None:
    messages = [*([{"role": "system", "content": system}] if system else []), *turns]
    ours, dspys = both_ways(messages, options)
    assert ours == dspys


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("callbacks", [[], [Listener()]], ids=["the short way", "DSPy's own way"])
def test_a_mistake_in_an_engine_is_no_failure_of_the_model(callbacks: list[BaseCallback]) -> None:
    class Broken(Echo):
        async def complete(self, request: lm15.Request) -> lm15.Response:
            raise KeyError("a bug")

    lm = TeacherLM("echo", Broken())
    for _ in range(6):  # which would be a model that is down
        with dspy.context(disable_history=True, callbacks=callbacks), pytest.raises(KeyError, match="a bug"):
            run_sync(lm.acall(messages=[{"role": "user", "content": "a"}]))


def test_what_a_providers_client_did_not_expect_is_the_models_failure() -> None:
    inside = dspy.utils.exceptions.LMUnexpectedError("no such field", model="openai/m")
    inside.__cause__ = KeyError("no such field")

    class Puzzled(Echo):
        async def complete(self, request: lm15.Request) -> lm15.Response:
            raise inside

    with dspy.context(disable_history=True), pytest.raises(dspy.utils.exceptions.LMError, match="no such field"):
        run_sync(TeacherLM("echo", Puzzled()).acall(messages=[{"role": "user", "content": "a"}]))


class Refusing(Echo):
    """Meets `error` where it is asked "bad"."""

    def __init__(self, error: lm15.LM15Error) -> None:
        super().__init__()
        self.error = error

    async def complete(self, request: lm15.Request) -> lm15.Response:
        if request.messages[0].text == "bad":
            raise self.error
        return await super().complete(request)


def outcomes(error: lm15.LM15Error, said: str) -> list[str]:
    """What became of calls in turn, "." a good one and "!" one that meets the error; until one stops the run."""
    lm, met = TeacherLM("echo", Refusing(error)), []
    with dspy.context(disable_history=True):
        for one in said:
            try:
                run_sync(lm.acall(messages=[{"role": "user", "content": "bad" if one == "!" else "good"}]))
                met.append("fine")
            except dspy.utils.exceptions.LMError:
                met.append("rejected")
            except TeacherDown:
                return [*met, "stopped"]
    return met


CENSORED = lm15.InvalidRequestError("content_filter", status=400)


def test_refused_prompts_do_not_stop_a_model_that_answers_others() -> None:
    assert outcomes(CENSORED, ".!!!!!!!") == ["fine"] + ["rejected"] * 7


def test_a_model_that_never_answered_is_stopped_by_refusals() -> None:
    assert outcomes(CENSORED, "!!!!!.") == ["rejected"] * 4 + ["stopped"]


def test_a_model_that_is_no_longer_there_stops_the_run_at_once() -> None:
    assert outcomes(lm15.UnsupportedModelError("gone", status=404), ".!!") == ["fine", "stopped"]


def test_failures_of_the_server_stop_it_still() -> None:
    assert outcomes(lm15.ServerError("no", status=500), ".!!!!!!") == ["fine"] + ["rejected"] * 4 + ["stopped"]


def test_two_schemas_are_two_requests() -> None:
    class Other(BaseModel):
        answer: int

    engine = Echo()
    lm = TeacherLM("echo", engine)
    with dspy.context(disable_history=True):
        for schema in (Reply, Other, Reply):
            run_sync(lm.acall(messages=[{"role": "user", "content": "a"}], response_format=schema))
    first, second, third = (request.config for request in engine.asked)
    assert first == third != second
