"""What a person reads on a terminal is text: nothing in a document or a reply moves the cursor or names the window."""

import json
import re

import pytest
import typer
from aiohttp import web
from support.served import Served, served, well

from seedbed.cli.main import main

__all__ = ["served"]
ORDERS = "\x1b]0;owned\x07 \x1b[2J \x9b31m \u202edesrever"  # title, clear, colour, right to left
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


async def ordering(request: web.Request) -> web.StreamResponse:
    """A reply in which the document's words are orders again, which a reader of documents took out."""
    body = json.loads((await well(request)).body)
    message = body["choices"][0]["message"]
    orders = "\x1b]0;owned\x07"
    escaped = json.dumps(orders)[1:-1] if message["content"].startswith("{") else orders
    message["content"] = message["content"].replace("]0;owned", escaped)
    return web.json_response(body)


def test_rows_are_shown_without_what_a_terminal_obeys(
    served: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (served.base / "documents").iterdir():
        path.write_text(path.read_text(encoding="utf-8").replace(" of ", f" of {ORDERS} "), encoding="utf-8")
    served.server.plan(ordering)
    assert served.run(rows=4) == 0
    assert all("\x1b" in str(row["messages"][1]["content"]) for row in served.rows())
    printed = ["".join(capsys.readouterr())]
    config = ["-c", str(served.base / "seedbed.yaml")]
    monkeypatch.setattr(typer, "prompt", lambda *args, **kwargs: "s")
    for command in (
        ["explain", str(served.base / "ds"), served.rows()[0]["id"]],
        ["preview", "--rows=1", "--uncompiled", *config],
        ["label", str(served.base / "ds"), *config],
    ):
        assert main(command) == 0
        printed.append("".join(capsys.readouterr()))
    assert [OBEYED.findall(text) for text in printed] == [[], [], [], []]
    assert all("]0;owned" in text for text in printed)


def test_a_mistake_is_told_without_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--out", "ds", "-c", f"{ORDERS}.yaml"]) == 2
    message = capsys.readouterr().err
    assert "]0;owned" in message
    assert not OBEYED.findall(message)
