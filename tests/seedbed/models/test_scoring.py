"""How likely a given answer is: asked for, journalled and paid like a call; what cannot be asked is an error."""

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dspy
import pytest
from aiohttp import web
from dspy import lm15
from hypothesis import assume, given
from hypothesis import strategies as st
from support.hostile import Behaviour, Hostile, sends

from metrics.likelihood import LIKELIHOODS, likelihood
from programs.core.background import run_sync
from programs.core.row import Exchange
from seedbed.config.models import ModelEntry
from seedbed.models.call_context import calling
from seedbed.models.engines.endpoint import EndpointEngine
from seedbed.models.engines.prefix import Prefixes
from seedbed.models.engines.scoring import grammar, likelihood_request
from seedbed.models.engines.scripted import ScriptedEngine
from seedbed.models.layers.fallback import Fallback
from seedbed.models.lm import TeacherLM
from seedbed.models.registry import Models, teacher
from seedbed.storage.journal import Journal

ASKED = [{"role": "user", "content": "When did the bridge open?"}]
REQUEST = lm15.Request(model="m", messages=(lm15.Message.user("When did the bridge open?"),))
SCRIPT = """
from pathlib import Path

def reply(prompt, draw):
    return "no"

def score(prompt, text):
    with Path(__file__).with_name("calls.txt").open("a") as file:
        file.write(".")
    known = "Document:" in prompt
    return [-0.5 if known and word in prompt else -2.0 for word in text.split()]
"""
ROW = Exchange(text="The bridge opened in 1931.", asked="When did the bridge open?", said="in 1931.")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def calls(script: Path) -> int:
    counted = script.with_name("calls.txt")
    return len(counted.read_text()) if counted.exists() else 0


def opened(script: Path, journal: Journal, *, offline: bool = False) -> TeacherLM:
    entry = ModelEntry(model=f"scripted/{script.name}")
    return Models({"m": entry}, script.parent, journal, offline=offline).lm("m")


def test_a_likelihood_is_asked_for_once_whatever_the_draw_and_replayed_without_the_model(
    script: Path, journal: Journal
) -> None:
    first = run_sync(opened(script, journal).score(ASKED, "in 1931"))
    with calling(draw=3):
        again = run_sync(opened(script, journal).score(ASKED, "in 1931"))
    replayed = run_sync(opened(script, journal, offline=True).score(ASKED, "in 1931"))
    assert first == again == replayed == [-2.0, -2.0]
    assert calls(script) == 1
    run_sync(opened(script, journal).score(ASKED, "in 1932"))
    assert calls(script) == 2


def test_the_parts_of_a_row_are_the_mean_the_least_and_what_the_document_adds(script: Path, journal: Journal) -> None:
    found = run_sync(likelihood(ROW, opened(script, journal)))
    assert found == dict(zip(LIKELIHOODS, (-0.5, -0.5, 3.0), strict=True))


@pytest.mark.parametrize("gap", [{"text": None}, {"asked": ""}, {"said": " "}])
def test_a_row_that_lacks_something_is_not_read(script: Path, journal: Journal, gap: dict[str, Any]) -> None:
    row = Exchange(**{"text": ROW.document, "asked": ROW.prompt, "said": ROW.response} | gap)
    assert run_sync(likelihood(row, opened(script, journal))) == {}
    assert calls(script) == 0


def test_a_model_that_cannot_tell_says_so(tmp_path: Path, journal: Journal) -> None:
    (tmp_path / "plain.py").write_text("def reply(prompt, draw):\n    return 'no'\n", encoding="utf-8")
    model = teacher("m", ModelEntry(model="scripted/plain.py"), journal, tmp_path)
    assert not model.scores
    with pytest.raises(dspy.utils.exceptions.LMError, match="score"):
        run_sync(model.score(ASKED, "in 1931"))


def test_no_other_model_stands_in_for_a_likelihood(script: Path, tmp_path: Path) -> None:
    (tmp_path / "refuses.py").write_text(
        "from dspy import lm15\ndef reply(prompt, draw):\n    raise lm15.ServerError('no')\nscore = reply\n",
        encoding="utf-8",
    )
    pair = Fallback(ScriptedEngine(tmp_path / "refuses.py"), ScriptedEngine(script), "m", "other")
    with pytest.raises(lm15.ServerError):
        run_sync(pair.complete(likelihood_request(REQUEST, "in 1931")))
    assert calls(script) == 0


# servers


def ask(server: Hostile, request: lm15.Request, **changes: Any) -> lm15.Response:
    async def work() -> lm15.Response:
        engine = EndpointEngine(server.base, "m", None, concurrency=1, timeout=2, **changes)
        try:
            return await engine.complete(request)
        finally:
            await engine.aclose()

    return run_sync(work())


Body = dict[str, Any]


def llama_cpp(seen: list[Body], chance: Callable[[int], float] = lambda token: -token / 10) -> Behaviour:
    """A server whose tokens are single characters, and that keeps to a grammar of their numbers."""

    async def behave(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        seen.append(body)
        if request.path.endswith("/tokenize"):
            pieces = [{"id": ord(one), "piece": one} for one in body["content"]]
            return web.json_response({"tokens": pieces})
        tokens = [int(part.strip("<[]>")) for part in body["grammar"].removeprefix("root ::= ").split()]
        content = [{"token": chr(token), "logprob": chance(token), "top_logprobs": []} for token in tokens]
        content.append({"token": "", "logprob": -1.0, "top_logprobs": []})
        message = {"role": "assistant", "content": "".join(map(chr, tokens))}
        choice = {"index": 0, "message": message, "logprobs": {"content": content}, "finish_reason": "stop"}
        return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 3}})

    return behave


def vllm(seen: list[Body]) -> Behaviour:
    """A server that tells the log-probabilities of a prompt's tokens, which are its words."""

    async def behave(request: web.Request) -> web.StreamResponse:
        body = json.loads(await request.read())
        seen.append(body)
        text = "<user>" + body["messages"][0]["content"] + "<assistant>" + body["messages"][-1]["content"]
        words = [word if not place else f" {word}" for place, word in enumerate(text.replace(">", "> ").split(" "))]
        pairs = itertools.pairwise(["", *words])
        words = [word.removeprefix(" ") if before.endswith(">") else word for before, word in pairs]
        told = [{str(place): {"logprob": -float(place), "decoded_token": word}} for place, word in enumerate(words)]
        choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "length"}
        return web.json_response({"choices": [choice], "prompt_logprobs": [None, *told[1:]], "usage": {}})

    return behave


def test_llama_cpp_is_held_to_the_answers_own_tokens_and_reads_the_prompt_whole(server: Hostile) -> None:
    seen = list[Body]()
    server.plan(llama_cpp(seen))
    response = ask(server, likelihood_request(REQUEST, "no"), scoring="llama.cpp", extra={"cache_prompt": True})
    assert [token.logprob for token in response.logprobs or ()] == [-11.0, -11.1, -1.0]
    assert response.message.text == "no"
    tokenized, scored = seen
    assert tokenized == {"content": "no", "add_special": False, "parse_special": False, "with_pieces": True}
    assert (scored["cache_prompt"], scored["temperature"], scored["max_tokens"]) == (False, 0.0, 3)


def test_vllm_tells_it_of_the_prompts_last_tokens(server: Hostile) -> None:
    seen = list[Body]()
    server.plan(vllm(seen))
    response = ask(server, likelihood_request(REQUEST, "in 1931"), scoring="vllm")
    assert [token.token for token in response.logprobs or ()] == ["in", " 1931"]
    assert seen[0]["messages"][-1] == {"role": "assistant", "content": "in 1931"}
    assert (seen[0]["continue_final_message"], seen[0]["add_generation_prompt"]) == (True, False)


def test_a_reading_that_enters_a_score_is_asked_for_without_the_cache(server: Hostile) -> None:
    seen = list[Body]()

    async def behave(request: web.Request) -> web.StreamResponse:
        seen.append(json.loads(await request.read()))
        message = {"role": "assistant", "content": "yes"}
        return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    server.plan(behave)
    judged = lm15.Request(model="m", messages=REQUEST.messages, config=lm15.Config(logprobs=5))
    ask(server, judged, scoring="llama.cpp", logprobs=5)
    ask(server, REQUEST, scoring="llama.cpp")
    ask(server, judged, logprobs=5)
    assert [body.get("cache_prompt") for body in seen] == [False, None, None]


def test_what_the_prompts_of_a_judge_share_is_read_once_alone_and_put_back_before_every_call(server: Hostile) -> None:
    async def behave(request: web.Request) -> web.StreamResponse:
        if "/slots/" in request.path:
            return web.json_response({"filename": json.loads(await request.read())["filename"]})
        message = {"role": "assistant", "content": "yes"}
        return web.json_response({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})

    def judged(text: str) -> lm15.Request:
        shown = lm15.Message.user("A demo."), lm15.Message.assistant("no"), lm15.Message.user(text)
        return lm15.Request(model="m", messages=shown, config=lm15.Config(logprobs=5))

    async def work() -> None:
        engine = EndpointEngine(
            server.base, "m", None, concurrency=1, timeout=2, scoring="llama.cpp", prefixes=Prefixes()
        )
        for text in ("first", "second"):
            await engine.complete(judged(text))
        await engine.complete(lm15.Request(model="m", messages=REQUEST.messages, config=lm15.Config(logprobs=5)))
        await engine.aclose()

    server.plan(behave)
    run_sync(work())
    chat, slot = "/v1/chat/completions", "/slots/0"
    assert server.paths == [chat, slot, slot, chat, slot, chat, chat]
    alone, saved, restored, first, again, second, bare = server.bodies
    assert [message["content"] for message in alone["messages"]] == ["A demo.", "no"]
    assert saved == restored == again
    assert [body["cache_prompt"] for body in (alone, first, second, bare)] == [False, True, True, False]


@pytest.mark.parametrize(
    "behave",
    [
        sends({"tokens": "none"}),
        sends({"error": "what is that?"}),
        sends({"choices": []}),
    ],
)
def test_a_server_that_cannot_is_a_servers_failure(server: Hostile, behave: Behaviour) -> None:
    server.plan(behave)
    for dialect in ("llama.cpp", "vllm"):
        with pytest.raises(lm15.ServerError):
            ask(server, likelihood_request(REQUEST, "no"), scoring=dialect)


def test_an_endpoint_of_which_nobody_said_how_is_not_asked(server: Hostile) -> None:
    with pytest.raises(lm15.UnsupportedFeatureError):
        ask(server, likelihood_request(REQUEST, "no"))
    assert not server.bodies


def test_what_an_engine_cannot_send_is_an_error(server: Hostile, script: Path) -> None:
    asked = lm15.Request(
        model="m", messages=REQUEST.messages, config=lm15.Config(extensions={"logit_bias": {"5": 1.0}})
    )
    with pytest.raises(lm15.UnsupportedFeatureError, match="logit_bias"):
        ask(server, asked)
    with pytest.raises(lm15.UnsupportedFeatureError, match="logit_bias"):
        run_sync(ScriptedEngine(script).complete(asked))


@given(st.text(min_size=1, max_size=30), st.data())
def test_a_grammar_holds_the_text_however_its_bytes_are_cut_into_tokens(text: str, data: st.DataObject) -> None:
    raw = text.encode("utf-8", "surrogatepass")
    assume(raw.decode("utf-8", "replace") == text)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(raw) - 1)), max_size=8)) - {len(raw)})
    pieces = [raw[start:end] for start, end in itertools.pairwise([0, *cuts, len(raw)])]
    tokens = [{"id": number, "piece": _told(piece)} for number, piece in enumerate(pieces)]
    items = re.findall(r'<\[(\d+)\]>|("(?:\\.|[^"\\])*")', grammar(tokens).removeprefix("root ::= "))
    assert "".join(pieces[int(number)].decode() if number else json.loads(quoted) for number, quoted in items) == text


def _told(piece: bytes) -> str | list[int]:
    """As llama.cpp gives a token: bytes where they are no whole characters."""
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return list(piece)
