"""The log-probability of a given text: how a request asks for it, and how each kind of server computes it."""

import contextlib
import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from dspy import lm15

from seedbed.config.models import Dialect

CONTINUATION = "continuation"  # the extension of a request that holds the text
Post = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""(path, relative to the server's address including `/v1`; body) -> the reply's JSON."""


def likelihood_request(request: lm15.Request, continuation: str) -> lm15.Request:
    """The request that asks how likely this text is as the reply, token by token, at temperature 0."""
    most = len(continuation.encode()) + 1  # tokens: one per byte, and the end
    config = dataclasses.replace(
        request.config, temperature=0.0, max_tokens=most, extensions={CONTINUATION: continuation}
    )
    return dataclasses.replace(request, config=config)


def continuation_of(request: lm15.Request) -> str | None:
    """The text whose log-probabilities a request asks for; None for a request that asks for a reply.

    Raises lm15.UnsupportedFeatureError for any other extension: an option that cannot be sent must not be dropped
    silently.
    """
    extensions = dict(request.config.extensions or {})
    continuation = extensions.pop(CONTINUATION, None)
    if extensions:
        raise lm15.UnsupportedFeatureError(f"{', '.join(sorted(extensions))}: this is not sent; put it under extra")
    return continuation


async def by_grammar(post: Post, body: dict[str, Any], continuation: str) -> dict[str, Any]:
    """llama.cpp: a grammar forces the reply to be the text's own tokens; its log-probabilities are from before the
    grammar is applied. The last token is the end of the reply."""
    query = {"content": continuation, "add_special": False, "parse_special": False, "with_pieces": True}
    forced = {
        "grammar": grammar((await post("../tokenize", query))["tokens"]),
        "logprobs": True,
        "top_logprobs": 1,
        "cache_prompt": False,  # the cache of earlier calls changes the last digits
    }
    reply: dict[str, Any] = await post("chat/completions", body | forced)
    return reply


def grammar(tokens: Sequence[Mapping[str, Any]]) -> str:
    """A grammar in llama.cpp's notation that matches only these tokens: each by its number, `<[5]>`.

    Its parser rejects a token that holds part of a character (such a `piece` comes as bytes), so these are written as
    the text that they form together.
    """
    items, rest = list[str](), b""
    for token in tokens:
        piece = token["piece"]
        if isinstance(piece, str) and not rest:
            items.append(f"<[{int(token['id'])}]>")
            continue
        rest += piece.encode() if isinstance(piece, str) else bytes(piece)
        with contextlib.suppress(UnicodeDecodeError):
            items.append(json.dumps(rest.decode(), ensure_ascii=False))
            rest = b""
    return f"root ::= {' '.join(items)}"


async def by_prompt(post: Post, body: dict[str, Any], continuation: str) -> dict[str, Any]:
    """vLLM: the log-probabilities of a prompt that ends with the text. They do not include the end of the reply."""
    message = {"role": "assistant", "content": continuation}
    whole = {
        "messages": [*body["messages"], message],
        "add_generation_prompt": False,
        "continue_final_message": True,
        "prompt_logprobs": 0,
        "max_tokens": 1,
    }
    reply: dict[str, Any] = await post("chat/completions", body | whole)
    tokens = [next(iter(token.values())) for token in reply["prompt_logprobs"] if token]
    content = [
        {"token": token["decoded_token"], "logprob": token["logprob"], "top_logprobs": []}
        for token in _last(tokens, len(continuation))
    ]
    choice = {"index": 0, "message": message, "logprobs": {"content": content}, "finish_reason": "stop"}
    return reply | {"choices": [choice]}


def _last(tokens: list[dict[str, Any]], characters: int) -> list[dict[str, Any]]:
    """The last tokens that together have this many characters."""
    start = len(tokens)
    while start and characters > 0:
        start -= 1
        characters -= len(tokens[start]["decoded_token"])
    return tokens[start:]


DIALECTS: dict[Dialect, Callable[[Post, dict[str, Any], str], Awaitable[dict[str, Any]]]] = {
    "llama.cpp": by_grammar,
    "vllm": by_prompt,
}
