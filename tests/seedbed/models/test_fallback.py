"""A model that stands in for another: for which failures, what it is asked, and who is paid."""

from typing import Any

import pytest
from aiohttp import web
from dspy import lm15
from dspy.utils import exceptions as dspy_errors
from support.hostile import Behaviour, Hostile, dead_port, hangs, says, sends, status
from support.served import Served, by_model, served, well

from programs.core.background import run_sync
from programs.core.tools import using
from seedbed.dspy_internals import response_from_dict, response_to_dict
from seedbed.errors import UserError
from seedbed.models.call_context import call_context, calling
from seedbed.models.engines.endpoint import EndpointEngine
from seedbed.models.engines.engine import Shared
from seedbed.models.layers.fallback import Fallback, answered_by

__all__ = ["served"]
SCHEMA = {"type": "json_schema", "name": "reply", "schema": {"type": "object"}}
ASK = lm15.Request(
    model="m",
    messages=(lm15.Message.user("Say something."),),
    config=lm15.Config(response_format=SCHEMA, logprobs=5),
)


class Failing(Shared):
    """An engine of all talents that fails with this error."""

    identity, enforces_schema, continues, concurrency, logprobs = "failing", True, True, 8, 5

    def __init__(self, error: BaseException) -> None:
        self.error, self.closed = error, False

    async def complete(self, request: lm15.Request) -> lm15.Response:
        raise self.error

    async def aclose(self) -> None:
        self.closed = True


def ask(server: Hostile, first: Any = None, said: list[str] | None = None, times: int = 1, **other: Any) -> Any:
    """The last reply of a fallback on the server from `first`, by default another engine on that server."""

    async def work() -> Any:
        asked = first or EndpointEngine(server.base, "first", None, concurrency=4, timeout=0.2)
        second = EndpointEngine(server.base, "second", None, **({"concurrency": 4, "timeout": 1} | other))
        engine = Fallback(asked, second, "cheap", "strong", **({} if said is None else {"say": said.append}))
        try:
            for _ in range(times):
                reply = await engine.complete(ASK)
            return reply
        finally:
            await engine.aclose()

    return run_sync(work())


FAILED: dict[str, Behaviour] = {
    "401": status(401),
    "402": status(402),
    "404": status(404),
    "429": status(429),
    "500": status(500),
    "hang": hangs,
    "garbage": sends(b"no"),
}


@pytest.mark.parametrize("trouble", FAILED)
def test_what_fails_for_good_is_asked_of_the_other(server: Hostile, trouble: str) -> None:
    server.plan(FAILED[trouble], says("fine"))
    reply = ask(server)
    assert (reply.text, answered_by(reply, "cheap")) == ("fine", "strong")
    assert [body["model"] for body in server.bodies] == ["first", "second"]


def test_a_dead_port_is_stood_in_for(server: Hostile) -> None:
    dead = EndpointEngine(dead_port(), "first", None, concurrency=4, timeout=1)
    assert answered_by(ask(server, dead), "cheap") == "strong"


@pytest.mark.parametrize(
    "error",
    [
        dspy_errors.LMAuthError(message="no"),
        dspy_errors.LMUnsupportedModelError(message="no"),
        dspy_errors.LMServerError(message="no"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_failures_of_dspys_own_clients_are_stood_in_for(server: Hostile, error: Exception) -> None:
    assert answered_by(ask(server, Failing(error)), "cheap") == "strong"


@pytest.mark.parametrize(
    "error",
    [
        lm15.InvalidRequestError("bad temperature", status=400),
        lm15.ContextLengthError("too long", status=400),
        dspy_errors.LMInvalidRequestError(message="bad"),
        dspy_errors.ContextWindowExceededError(message="too long"),
        UserError("The money is spent.", hint="Raise max_usd."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_is_the_requests_own_fault_or_ours_is_not(server: Hostile, error: Exception) -> None:
    with pytest.raises(type(error)):
        ask(server, Failing(error))
    assert server.bodies == []


def test_a_reply_of_the_first_is_the_firsts(server: Hostile) -> None:
    assert answered_by(ask(server), "cheap") == "cheap"
    assert len(server.bodies) == 1


def test_the_call_of_the_other_has_a_name_of_its_own() -> None:
    names = list[str]()

    class Named(Failing):
        async def complete(self, request: lm15.Request) -> lm15.Response:
            names.append(call_context().key)
            raise self.error

    async def work() -> None:
        engine = Fallback(Named(lm15.ServerError("down")), Named(lm15.ServerError("down too")), "cheap", "strong")
        with calling(key="key"), pytest.raises(lm15.ServerError):
            await engine.complete(ASK)

    run_sync(work())
    assert names == ["key", "key/strong"]  # by which a book of batches tells their waves apart


def test_where_both_fail_the_others_error_is_raised_from_the_firsts(server: Hostile) -> None:
    server.plan(status(500, "first is ill"), status(401, "second has no key"))
    with pytest.raises(lm15.AuthError, match="second has no key") as raised:
        ask(server)
    assert "first is ill" in str(raised.value.__context__)


def test_who_answered_is_kept_in_the_journal(server: Hostile) -> None:
    server.plan(status(500), says("fine"))
    kept = response_from_dict(response_to_dict(ask(server)))
    assert answered_by(kept, "cheap") == "strong"


def test_a_person_is_told_once(server: Hostile) -> None:
    said: list[str] = []
    server.plan(status(401, "no such key"), says("fine"), status(401), says("fine"))
    ask(server, said=said, times=2)
    assert said == ["cheap failed (no such key); such calls go to strong"]


def test_the_other_is_asked_only_for_what_it_can_do(server: Hostile) -> None:
    with using(continues=True):
        ask(server, Failing(lm15.ServerError("no")), enforces_schema=False)
    assert server.paths == ["/v1/chat/completions"]
    assert set(server.bodies[0]) == {"model", "messages"}


def test_what_the_other_can_do_it_is_asked_for(server: Hostile) -> None:
    with using(continues=True):
        ask(server, Failing(lm15.ServerError("no")), continues=True, logprobs=3)
    assert server.paths == ["/v1/completions"]
    assert server.bodies[0]["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert server.bodies[0]["logprobs"] == 3


def test_both_are_closed(server: Hostile) -> None:
    first = Failing(lm15.ServerError("no"))
    ask(server, first)
    assert first.closed


def standing_in(config: dict[str, Any]) -> None:
    """Two models of one server, of which the second stands in for the first."""
    entry = config["models"].pop("mock")
    config["models"] = {alias: entry | {"model": alias} for alias in ("mock", "other")}
    config["roles"]["judge"], config["fallback"] = "other", {"teacher": "other"}


def test_replies_of_a_stand_in_are_its_own_and_gone_with_it(served: Served, waits: list[float]) -> None:
    served.change(standing_in)
    served.server.plan(by_model(mock=status(500), other=well))
    assert served.run(rows=6) == 0
    assert {(row["lineage"]["teacher"], *row["lineage"]["stood_in"]) for row in served.rows()} == {("mock", "other")}
    served.server.forget()
    served.server.plan(well)
    assert served.run(rows=6, gates__support=0.6) == 0  # scored again, with the replies that are there
    assert served.server.bodies == []
    served.change(lambda config: config.pop("fallback"))
    assert served.run(rows=6) == 0
    assert [body["model"] for body in served.server.bodies] == ["mock"] * 18
    assert {(row["lineage"]["teacher"], *row["lineage"]["stood_in"]) for row in served.rows()} == {("mock",)}


def test_the_card_names_the_model_that_stood_in_and_counts_its_rows(served: Served, waits: list[float]) -> None:
    served.change(standing_in)
    failing, calls = status(500), [0]

    async def fails_late(request: web.Request) -> web.StreamResponse:
        calls[0] += 1
        return await (well if calls[0] <= 6 else failing)(request)

    served.server.plan(by_model(mock=fails_late, other=well))
    assert served.run(rows=6) == 0
    stood_in = sum("other" in row["lineage"]["stood_in"] for row in served.rows())
    assert stood_in > 0
    card = (served.base / "ds" / "README.md").read_text(encoding="utf-8")
    assert f"- stood in for calls that failed: other, in {stood_in} of 6 rows" in card
    assert served.report()["stood_in"] == {"other": stood_in}
    served.server.plan(well)
    assert served.run("plain", rows=6) == 0
    assert "stood in" not in (served.base / "plain" / "README.md").read_text(encoding="utf-8")


def test_rows_of_a_stand_in_are_made_again_where_another_model_stands_in(served: Served, waits: list[float]) -> None:
    served.change(standing_in)
    served.change(lambda config: config["roles"].pop("judge"))
    served.server.plan(by_model(mock=status(500), other=well, third=well))
    assert served.run(rows=6) == 0
    served.server.forget()
    served.server.plan(by_model(mock=status(500), other=well, third=well))
    assert served.run(rows=6, models__other__model="third") == 0
    assert [body["model"] for body in served.server.bodies].count("third") == 18


def test_a_sampled_reply_of_a_stand_in_is_found_again(served: Served, waits: list[float]) -> None:
    served.change(standing_in)
    served.server.plan(by_model(mock=status(500), other=well))
    assert served.run(rows=6, models__mock__temperature=0.7) == 0
    first = served.bytes()
    served.server.forget()
    assert served.run("again", 6, "--replay", str(served.base / "ds"), models__mock__temperature=0.7) == 0
    assert (served.bytes("again"), served.server.bodies) == (first, [])
