"""What an OpenAI-compatible server replies with."""

from typing import Any

from dspy import lm15

from seedbed.models.engines.engine import beyond_belief, loaded
from seedbed.models.engines.http_errors import told_within


def completion(raw: bytes, model: str) -> lm15.Response:
    """Read a completion. An error that the server tells in its place is that error; what is no completion at all counts
    as the server's failure.

    lm15's reader takes 25 us; building its objects directly takes 22, all of it their own checks.
    """
    try:
        body = loaded(raw)
    except (ValueError, RecursionError) as error:
        raise _garbage(raw) from error
    if told := told_within(body):
        raise told
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
        if beyond_belief(response.usage):
            raise ValueError("no such number of tokens")
        return response
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, lm15.LM15Error) as error:
        raise _garbage(raw) from error


def _garbage(raw: bytes) -> lm15.ServerError:
    return lm15.ServerError(f"the server's reply is not a completion ({len(raw)} bytes)")


def _logprobs(given: Any) -> dict[str, Any] | None:
    """A choice's log-probabilities as chat completions have them; None where there are none to read.

    `/completions` gives them as parallel lists, with a map of alternatives for each token (llama.cpp gives the chat
    shape on both paths). The tokens' bytes are left out, since the journal keeps what is left.
    """
    try:
        tokens = given["content"] if "content" in given else _zipped(given)
        return {"content": [{**_scored(one), "top_logprobs": [*map(_scored, one["top_logprobs"])]} for one in tokens]}
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _zipped(given: dict[str, Any]) -> list[dict[str, Any]]:
    lists = zip(given["tokens"], given["token_logprobs"], given["top_logprobs"], strict=True)
    return [
        {"token": token, "logprob": chance, "top_logprobs": [{"token": t, "logprob": c} for t, c in top.items()]}
        for token, chance, top in lists
    ]


def _scored(one: dict[str, Any]) -> dict[str, Any]:
    return {"token": str(one["token"]), "logprob": float(one["logprob"])}
