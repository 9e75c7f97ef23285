"""`doctor` asks a model what a run will ask of it, and says what is amiss and how to mend it."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.hostile import Behaviour, completion, sends, status
from support.served import Served, reply, served

from seedbed.cli.main import main

__all__ = ["served"]


def doctor(served: Served, capsys: pytest.CaptureFixture[str], **changes: Any) -> tuple[bool, str]:
    """Whether the model is well, and what is said of it."""
    served.change(lambda config: config["models"]["mock"].update(changes))
    main(["doctor", "-c", str(served.base / "seedbed.yaml"), "--json"])
    findings = json.loads(capsys.readouterr().out)
    (finding,) = [finding for finding in findings if "(mock)" in finding["what"]]
    return finding["ok"], finding["said"]


def able(*, schema: bool = True, logprobs: bool = False, completions: bool = False, repeats: bool = True) -> Behaviour:
    """A server that can do these things."""
    count = [0]

    async def behave(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        if "prompt" in body:
            text = "1931." if completions else ""
            return web.json_response(
                {"choices": [{"text": text, "finish_reason": "stop"}]}, status=200 if text else 404
            )
        prompt = body["messages"][-1]["content"]
        is_step = "Document" in prompt or "##" in prompt
        text = reply(prompt, zlib.crc32(prompt.encode())) if is_step else "Good morning."
        count[0] += 1
        text = text if repeats else f"{text} {count[0]}"
        if schema and "good morning" in prompt:
            text = '{"colour": "blue"}'
        body_of_reply = completion("yes" if "yes or no" in prompt else text)
        if logprobs and body.get("logprobs"):
            token = {"token": "yes", "logprob": -0.1, "top_logprobs": [{"token": "no", "logprob": -2.0}]}
            body_of_reply["choices"][0]["logprobs"] = {"content": [token]}
        return web.json_response(body_of_reply)

    return behave


def test_a_server_that_is_well_is_said_to_be(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    served.server.plan(able())
    ok, line = doctor(served, capsys)
    assert ok
    assert "read in chat, json, compact" in line
    assert "set models" not in line


@pytest.mark.parametrize(
    ("can", "changes", "words"),
    [
        ({"schema": False}, {}, "ignores the schema it is sent: set models.mock.schema_enforced: false"),
        ({"schema": False}, {"schema_enforced": False}, None),
        ({"logprobs": True}, {}, "gives log-probabilities: with models.mock.logprobs: 5"),
        ({"logprobs": True}, {"logprobs": 5}, None),
        ({}, {"logprobs": 5}, "gives no log-probabilities: set models.mock.logprobs: 0"),
        ({"completions": True}, {}, "has /completions: models.mock.completions: true"),
        ({}, {"completions": True}, "set models.mock.completions: false"),
        ({"repeats": False}, {}, "two replies to one request at temperature 0"),
    ],
)
def test_what_a_server_can_do_is_found_out(
    served: Served, capsys: pytest.CaptureFixture[str], can: dict[str, bool], changes: dict[str, Any], words: str | None
) -> None:
    served.server.plan(able(**can))
    ok, line = doctor(served, capsys, **changes)
    assert ok
    assert (words or "read in") in line
    assert words or "set models" not in line


def thinks(content: str | None, ended: str, thought: str = "Let me see.", tokens: int = 256) -> Behaviour:
    body = completion(content)
    body["choices"][0] |= {"finish_reason": ended}
    body["choices"][0]["message"]["reasoning_content"] = thought
    body["usage"] |= {"completion_tokens": tokens}
    return sends(body)


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (thinks(None, "length"), "all 256 tokens went into reasoning; raise max_tokens"),
        (thinks("", "length"), "all 256 tokens went into reasoning; raise max_tokens"),
        (thinks(None, "stop"), "went into reasoning; turn it off"),
        (sends(completion("")), "the model ended its reply at once"),
        (
            sends({**completion("x"), "choices": [{"message": {"content": "<think>Hm"}, "finish_reason": "length"}]}),
            "raise",
        ),
        (
            sends({**completion("x"), "choices": [{"message": {"content": "It ope"}, "finish_reason": "length"}]}),
            "raise",
        ),
        (sends(completion("<answer/>")), "the reply cannot be read: '<answer/>'"),
        (status(400, "temperature 0.0 is not supported"), "Set models.mock.temperature"),
        (sends({"error": {"message": "no credit left", "code": 402}}), "no credit left"),
    ],
)
def test_a_model_that_gives_no_reply_is_bad_with_the_mend(
    served: Served, capsys: pytest.CaptureFixture[str], behave: Behaviour, words: str
) -> None:
    served.server.plan(behave)
    ok, line = doctor(served, capsys)
    assert not ok
    assert words in line


@pytest.mark.parametrize(
    ("behave", "words"), [(thinks(None, "length"), "raise max_tokens"), (thinks(None, "stop"), "turn")]
)
def test_a_run_names_what_became_of_the_tokens(
    served: Served, capsys: pytest.CaptureFixture[str], behave: Behaviour, words: str
) -> None:
    served.server.plan(behave)
    assert served.run() == 1
    assert "empty reply, first: no text: " in capsys.readouterr().out
    rejected = served.rows(folder="rejected")
    assert {row["reason"] for row in rejected} == {"empty reply"}
    assert all(words in row["detail"] for row in rejected)


def test_seeds_of_other_documents_than_the_sources_are_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def seeds() -> str:
        main(
            ["doctor", "-c", str(folder / "seedbed.yaml"), "--set", "models.small={model: scripted/none.py}", "--json"]
        )
        findings: list[dict[str, str]] = json.loads(capsys.readouterr().out)
        return next(finding["said"] for finding in findings if finding["what"] == "seeds")

    folder = tmp_path / "project"
    assert main(["init", str(folder)]) == 0
    capsys.readouterr()
    assert "other documents" not in seeds()
    for document in (folder / "documents").iterdir():
        document.unlink()
    (folder / "documents" / "mine.md").write_text("The mill on the river ground rye until 1931. " * 4, encoding="utf-8")
    assert "48 of the 48 seeds are of other documents than the sources" in seeds()
