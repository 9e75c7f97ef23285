"""Whole runs, left alone with a server that misbehaves, with a budget, and with damaged or forbidden files.

Whatever happens: accepted rows, rejected rows with their reason, or one clear sentence; and the key is in no file.
"""

import asyncio
import json
import statistics
from typing import Any

import pytest
from aiohttp import web
from support.hostile import (
    Behaviour,
    completion,
    dead_port,
    drips,
    filtered,
    hangs,
    packs,
    refusal,
    resets,
    says,
    sends,
    status,
    trickles,
)
from support.served import KEY, Served, answer, every, served, well

from programs.qa.grounded_qa import GroundedOptions, GroundedQA
from seedbed.cli.main import main
from seedbed.errors import UserError
from seedbed.storage.shards.run_shards import RunShards

__all__ = ["served"]

QUESTION = "[[ ## question ## ]]\n{}\n\n[[ ## completed ## ]]"


async def of_another_model(request: web.Request) -> web.StreamResponse:
    """A good reply that says another model made it."""
    reply = await well(request)
    assert isinstance(reply, web.Response)
    return web.json_response(json.loads(reply.body or b"") | {"model": "somebody-else"})  # type: ignore[arg-type]


PASSING = {  # what can pass: asked again, it may go well
    "429": status(429),
    "429 that says when to come back": status(429, retry_after="0.01"),
    "500": status(500),
    "503": status(503),
    "a hang": hangs,
    "a reset in the middle of the body": resets,
    "truncated JSON": sends(b'{"choices": [{"mess'),
    "another content type": sends(b"<html>come back later", "text/html"),
    "no choices": sends(completion("") | {"choices": []}),
    "2 MB of garbage": sends(b"\xfe\x00garbage" * 222_222),
    "a slow drip": drips,
    "brackets": sends(b"[" * 100_000),
    "a broken compression": packs(b"not gzip", "gzip"),
}
LASTING = {  # what the model says and will say again: the row is rejected
    "400": status(400, "no such parameter"),
    "a context too long": status(400, "maximum context length is 10 tokens"),
    "a refusal": sends(refusal("I cannot help with that.")),
    "an empty reply of a content filter": sends(filtered()),
    "2 MB of text": says("x\x00" * 1_000_000),
    "half a surrogate pair": sends(answer(QUESTION.format("What is \ud800?"))),
    "no text": sends(completion(None)),
    "a number for a text": sends({"choices": [{"index": 0, "message": {"role": "assistant", "content": 5}}]}),
    "NUL, right to left and four bytes": sends(answer(QUESTION.format("\x00\u202eWhat is \U0001f600\ufffe\u0000"))),
}


def in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps ask in JSON, as a compile may have chosen."""
    made = GroundedQA.__init__

    def init(self: GroundedQA, options: GroundedOptions | None = None) -> None:
        made(self, options)
        for _, step in self.named_predictors():
            step.format = "json"

    monkeypatch.setattr(GroundedQA, "__init__", init)


def checked(served: Served, capsys: pytest.CaptureFixture[str], code: int) -> str:
    """What was printed, after a look that it is no traceback and that the key is nowhere."""
    said = "".join(capsys.readouterr())
    assert "Traceback" not in said
    assert KEY not in said
    assert not served.leaks()
    counts = served.report()["counts"]
    rejected = served.rows(folder="rejected")
    assert len(served.rows()) == counts["accepted"]
    assert len(rejected) == counts["candidates"] - counts["accepted"]
    assert all(row["reason"] for row in rejected)
    if code == 3:
        assert said.count("seedbed: mock: ") == 1
    return said


@pytest.mark.parametrize("what", PASSING)
def test_what_can_pass_costs_no_row(
    served: Served, capsys: pytest.CaptureFixture[str], waits: list[float], what: str
) -> None:
    served.server.plan(every(5, PASSING[what]))
    assert served.run(models__mock__timeout=0.3) == 0
    checked(served, capsys, 0)
    assert len(served.rows()) == 8
    assert not served.rows(folder="rejected")
    assert waits


@pytest.mark.parametrize("what", LASTING)
def test_what_lasts_costs_its_row_alone(served: Served, capsys: pytest.CaptureFixture[str], what: str) -> None:
    served.server.plan(every(5, LASTING[what]))
    assert served.run() == 0
    checked(served, capsys, 0)
    assert len(served.rows()) == 8
    assert served.rows(folder="rejected")


@pytest.mark.parametrize("lost", ["\\ud83d", "\ufffd"], ids=ascii)
def test_a_reply_in_which_characters_were_lost_costs_its_row_alone(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    in_json(monkeypatch)
    served.server.plan(every(3, says(f'{{"question": "What is the {lost} thing?", "answer": "The {lost} thing."}}')))
    assert served.run() == 0
    checked(served, capsys, 0)
    assert len(served.rows()) == 8
    assert "unreadable reply" in {row["reason"] for row in served.rows(folder="rejected")}
    asked = len(served.server.bodies)
    assert served.run() == 0  # from the journal, which keeps the reply
    assert len(served.server.bodies) == asked


@pytest.mark.parametrize("what", ["429", "503", "a hang", "truncated JSON", "400", "401", "402", "404"])
def test_a_server_that_gives_nothing_else_ends_the_run_with_a_sentence(
    served: Served, capsys: pytest.CaptureFixture[str], waits: list[float], what: str
) -> None:
    refused = {code: status(int(code), f"no, not with {KEY}") for code in ("401", "402", "404")}
    served.server.plan((PASSING | LASTING | refused)[what])
    assert served.run(models__mock__timeout=0.1) == 3
    said = checked(served, capsys, 3)
    hints = {"400": "it refuses the request itself, and will again", "401": "Check", "402": "Check", "404": "Check"}
    assert hints.get(what, "Run the same command again") in said
    served.server.plan(well)
    assert served.run() == 0
    assert len(served.rows()) == 8


def test_a_call_that_fails_for_good_ends_another_command_as_the_models_failure(
    served: Served, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    served.server.plan(status(503, "busy"))
    assert main(["preview", "-c", str(served.base / "seedbed.yaml"), "--uncompiled", "--rows=1"]) == 3
    assert "seedbed: a call failed: " in capsys.readouterr().err


def test_a_mistake_that_ends_a_run_is_in_its_report_with_its_exit_code(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(shards: RunShards, row: dict[str, Any], split: str) -> None:
        raise UserError("There is no room.", hint="Make room.")

    monkeypatch.setattr(RunShards, "accept", full)
    assert served.run() == served.report()["exit_code"] == 2
    assert served.report()["stopped"] == "an error ended it"


@pytest.mark.parametrize("code", [301, 302, 307])
def test_a_redirect_is_told_and_not_followed(served: Served, capsys: pytest.CaptureFixture[str], code: int) -> None:
    served.server.plan(status(code, "", location="/v1/elsewhere?token=abc"))
    assert served.run() == 3
    said = checked(served, capsys, 3)
    assert "the server redirects to /v1/elsewhere\n" in said
    assert set(served.server.paths) == {"/v1/chat/completions"}


@pytest.mark.parametrize("words", ["", "\x1b[2Jcleared\x07 \u202ereversed\x00 [red]"])
def test_what_a_server_says_is_readable_and_obeyed_by_no_terminal(
    served: Served, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    served.server.plan(status(404, words))
    assert served.run() == 3
    said = checked(served, capsys, 3)
    assert ("[2Jcleared" if words else "the server says 404 and no more") in said
    assert not set("\x1b\x07\u202e\x00") & set(said)


@pytest.mark.parametrize("what", ["a context too long", "a refusal", "an empty reply of a content filter"])
def test_a_model_that_always_refuses_leaves_reasons_and_no_rows(
    served: Served, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    served.server.plan(LASTING[what])
    assert served.run() == 1
    checked(served, capsys, 1)
    assert not served.rows()
    assert len(served.rows(folder="rejected")) == 40  # a run of which nothing comes stops


@pytest.mark.parametrize("behaviour", [of_another_model, trickles(well, 0.02)], ids=["another model", "a slow reply"])
def test_what_is_merely_odd_is_taken(served: Served, capsys: pytest.CaptureFixture[str], behaviour: Behaviour) -> None:
    served.server.plan(every(3, behaviour))
    assert served.run() == 0
    checked(served, capsys, 0)


def test_a_storm_of_429s_is_ridden_out_with_fewer_calls_at_once(served: Served, waits: list[float]) -> None:
    at_once: list[int] = []

    async def takes_two(request: web.Request) -> web.StreamResponse:
        at_once.append(inside := served.server.inside)
        await asyncio.sleep(0.01)
        return await (well if inside <= 2 else status(429))(request)

    served.server.plan(takes_two)
    assert served.run(rows=15, models__mock__concurrency=16) == 0
    assert len(served.rows()) == 15
    assert max(at_once) > 8
    assert statistics.mean(at_once[-30:]) < 4


def test_a_server_that_is_down_for_a_minute_is_waited_for(
    served: Served, capsys: pytest.CaptureFixture[str], waits: list[float]
) -> None:
    async def down_from_the_tenth(request: web.Request) -> web.StreamResponse:
        down = len(served.server.bodies) > 10 and sum(waits) < 60
        return await (status(503, "overloaded") if down else well)(request)

    served.server.plan(down_from_the_tenth)
    assert served.run() == 0
    said = checked(served, capsys, 0)
    assert "mock is down (overloaded); waiting up to 600 s for it" in said
    assert "mock answers again after" in said
    assert not served.rows(folder="rejected")


def test_a_key_in_the_path_of_an_address_is_not_published(served: Served) -> None:
    assert served.run(rows=4, models__mock__api_base=served.server.base.replace("/v1", f"/{KEY}/v1")) == 0
    assert served.report()["config"]["models"]["mock"]["api_base"] == served.server.base.removesuffix("/v1")
    assert not served.leaks()


def test_of_further_request_keys_the_names_alone_are_published(served: Served) -> None:
    assert served.run(rows=4, models__mock__extra={"user": KEY[::-1], "top_k": 20}) == 0
    assert all(body["user"] == KEY[::-1] for body in served.server.bodies)
    assert served.report()["config"]["models"]["mock"]["extra"] == ["top_k", "user"]


@pytest.mark.parametrize("url", ["s3://{}:se/cret@bucket", "s3://{}@bucket/data", "s3://a:{}@bucket", "s3://a?key={}"])
def test_a_key_in_the_address_of_the_shards_is_refused(
    served: Served, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    assert served.run(run__shards=url.format(KEY)) == 2
    said = capsys.readouterr().err
    assert "run.shards: must be a URL" in said
    assert KEY not in said


def test_a_key_in_the_path_of_an_address_is_in_no_error(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    address, other = dead_port(), KEY[::-1]
    assert served.run(models__mock__api_base=address.replace("/v1", f"/{other}/v1")) == 3
    said = checked(served, capsys, 3)
    assert f"cannot connect to {address.replace('/v1', '/***/v1')}" in said
    assert other not in said
