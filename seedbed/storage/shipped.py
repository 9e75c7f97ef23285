"""The data that ships with the code: its folder, and the replies of embedded models on the shipped verdicts."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from dspy.lm15 import Response

from seedbed.dspy_internals import response_from_dict, response_to_dict
from seedbed.storage.call import Timed

SHELF = "embedded/"


def data_folder() -> Path:
    """The shipped data: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    return next(path for path in (package / "data", package.parent / "data") if (path / "readings").is_dir())


def readings_file(model: str) -> Path:
    """The file of a model's readings. `model`: its name on the shelf, such as `qwen2.5-coder-0.5b`."""
    return data_folder() / "readings" / f"{model}.jsonl"


def reading(identity: str, key: str) -> Timed | None:
    """The reply to a call about a shipped verdict, so that a first compile calls models only for the user's own data.

    Args:
        identity: of the model to call. key: of the call; it covers the identity and the whole prompt, so another
        model or another prompt has no reply.
    """
    if not identity.startswith(SHELF):
        return None
    model = identity.removeprefix(SHELF).partition("|")[0]
    line = _lines(model).get(key)
    return _timed(model, orjson.loads(line)) if line else None


def reading_line(key: str, response: Response, seconds: float) -> bytes:
    """A line of the file: the parts of a reply that judges and likelihoods need, and nothing about the machine."""
    reply = response_to_dict(response)
    line = {
        "key": key,
        "seconds": round(seconds, 2),
        "text": reply["message"]["parts"][0]["text"],
        "end": reply["finish_reason"],
        "tokens": [reply["usage"]["input_tokens"], reply["usage"]["output_tokens"]],
        "logprobs": [_token(token) for token in reply.get("logprobs") or ()],
    }
    return orjson.dumps(line)


@functools.cache
def _lines(model: str) -> Mapping[str, bytes]:
    """The lines of a model's file by key, read on first use; empty for a model without a file."""
    file = readings_file(model)
    lines = file.read_bytes().splitlines() if file.is_file() else []
    return {orjson.loads(line)["key"]: line for line in lines}


def _token(token: Mapping[str, Any]) -> list[Any]:
    """[text, log-probability, {alternative: log-probability}]; no alternatives if the token is the only one."""
    alternatives = {top["token"]: round(top["logprob"], 5) for top in token.get("top") or ()}
    return [token["token"], round(token["logprob"], 5), alternatives if len(alternatives) > 1 else {}]


def _timed(model: str, line: Mapping[str, Any]) -> Timed:
    input_tokens, output_tokens = line["tokens"]
    total = input_tokens + output_tokens
    reply = {
        "model": model,
        "message": {"role": "assistant", "parts": [{"type": "text", "text": line["text"]}]},
        "finish_reason": line["end"],
        "usage": {"input_tokens": input_tokens, "output_tokens": output_tokens, "total_tokens": total},
        "logprobs": [
            {"token": token, "logprob": logprob, "top": [{"token": k, "logprob": v} for k, v in top.items()]}
            for token, logprob, top in line["logprobs"]
        ],
    }
    return response_from_dict(reply), line["seconds"]
