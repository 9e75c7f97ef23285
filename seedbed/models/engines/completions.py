"""Reads replies of an OpenAI-compatible server."""

from typing import Any

from dspy import lm15

from seedbed.models.engines.engine import is_implausible, loaded
from seedbed.models.engines.http_errors import error_within


def completion(raw: bytes, model: str) -> lm15.Response:
    """Read a completion. Raises the error that the server reports instead of one; anything else that is not a
    completion counts as the server's failure.

    lm15's reader takes 25 us; building its objects directly would take 22, which is the time of their own checks.
    """
    try:
        body = loaded(raw)
    except (ValueError, RecursionError) as error:
        raise _garbage(raw) from error
    if reported := error_within(body):
        raise reported
    try:
        if not body["choices"]:
            raise ValueError("no choices")
        body["choices"] = [
            {
                **choice,
                "message": choice.get("message") or {"role": "assistant", "content": choice["text"]},
                "logprobs": _logprobs(choice.get("logprobs")),
            }
            for choice in body["choices"]
        ]
        response = lm15.response_from_openai_chat(body, model=model)
        if is_implausible(response.usage):
            raise ValueError("no such number of tokens")
        return response
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, lm15.LM15Error) as error:
        raise _garbage(raw) from error


def _garbage(raw: bytes) -> lm15.ServerError:
    return lm15.ServerError(f"the server's reply is not a completion ({len(raw)} bytes)")


def _logprobs(logprobs: Any) -> dict[str, Any] | None:
    """A choice's log-probabilities in the form of chat completions; None if there are none that can be read.

    `/completions` gives them as parallel lists, with a map of alternatives for each token (llama.cpp gives the chat
    shape on both paths). The tokens' bytes are left out, to keep the journal small.
    """
    try:
        tokens = logprobs["content"] if "content" in logprobs else _zipped(logprobs)
        return {
            "content": [{**_scored(token), "top_logprobs": [*map(_scored, token["top_logprobs"])]} for token in tokens]
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _zipped(logprobs: dict[str, Any]) -> list[dict[str, Any]]:
    lists = zip(logprobs["tokens"], logprobs["token_logprobs"], logprobs["top_logprobs"], strict=True)
    return [
        {"token": token, "logprob": chance, "top_logprobs": [{"token": t, "logprob": c} for t, c in top.items()]}
        for token, chance, top in lists
    ]


def _scored(token: dict[str, Any]) -> dict[str, Any]:
    return {"token": str(token["token"]), "logprob": float(token["logprob"])}
