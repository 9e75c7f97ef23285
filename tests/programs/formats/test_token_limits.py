"""`max_tokens` is how far a reply may go: what ended by itself before is kept when it is changed."""

import json

import pytest
from aiohttp import web
from support.hostile import completion
from support.served import Served, served, well

pytestmark = pytest.mark.slow

__all__ = ["served"]


async def cut(request: web.Request) -> web.StreamResponse:
    """Good replies, of which the answers end at the limit where that is below 512."""
    reply = await well(request)
    assert isinstance(reply, web.Response)
    body, call = json.loads(reply.body or b""), json.loads(await request.read())  # type: ignore[arg-type]
    choice = body["choices"][0]
    if "## answer ##" in choice["message"]["content"] and call["max_tokens"] < 512:
        choice["message"]["content"] = " ".join(choice["message"]["content"].split(" ")[:13])
        choice["finish_reason"] = "length"
    return web.json_response(body)


async def unmetered(request: web.Request) -> web.StreamResponse:
    """Good replies of a server that counts no tokens."""
    reply = await well(request)
    assert isinstance(reply, web.Response)
    body = json.loads(reply.body or b"")  # type: ignore[arg-type]
    return web.json_response({name: value for name, value in body.items() if name != "usage"})


@pytest.mark.parametrize("serves", [well, unmetered])
def test_replies_that_ended_by_themselves_are_kept_when_the_limit_is_raised(served: Served, serves: object) -> None:
    served.server.plan(serves)  # type: ignore[arg-type]
    assert served.run() == 0
    count, rows = len(served.server.bodies), served.rows()
    assert served.run(models__mock__max_tokens=1024) == 0
    assert len(served.server.bodies) == count
    assert [row["messages"] for row in served.rows()] == [row["messages"] for row in rows]


def test_only_what_was_cut_off_is_asked_again(served: Served) -> None:
    served.server.plan(cut)
    assert served.run() == 1
    first = len(served.server.bodies)
    assert served.run(models__mock__max_tokens=512) == 0
    again = served.server.bodies[first:]
    assert again
    assert all("## answer ##" in body["messages"][-1]["content"] for body in again)


def test_a_lower_limit_asks_for_what_is_longer_again(served: Served) -> None:
    assert served.run() == 0
    first = len(served.server.bodies)
    assert served.run(models__mock__max_tokens=100) == 0  # every reply has 60 tokens
    assert len(served.server.bodies) == first
    assert served.run(models__mock__max_tokens=40) == 0
    assert len(served.server.bodies) == 2 * first


def test_a_reply_that_was_cut_off_is_none_for_another_limit(served: Served) -> None:
    async def short(request: web.Request) -> web.StreamResponse:
        body = completion("[[ ## question ## ]]\nWhat")
        body["choices"][0]["finish_reason"] = "length"
        return web.json_response(body)

    served.server.plan(short)
    assert served.run(rows=2, run__keep_going=True) == 1
    first = len(served.server.bodies)
    assert served.run(rows=2, run__keep_going=True, models__mock__max_tokens=512) == 1
    assert len(served.server.bodies) == 2 * first
