"""What ships beside the code: the folder of data, and what models of the shelf said of the shipped verdicts."""

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
    """Where a model's readings lie. `model`: its name on the shelf, such as `qwen2.5-coder-0.5b`."""
    return data_folder() / "readings" / f"{model}.jsonl"


def reading(identity: str, key: str) -> Timed | None:
    """The reply to a call about a shipped verdict, so that a first compile asks only about what is the user's own.

    Args:
        identity: of the model that would be asked. key: of the call; it holds the identity and the whole prompt, so
        another model, or another prompt, finds nothing.
    """
    if not identity.startswith(SHELF):
        return None
    model = identity.removeprefix(SHELF).partition("|")[0]
    line = _lines(model).get(key)
    return _timed(model, orjson.loads(line)) if line else None


def reading_line(key: str, response: Response, seconds: float) -> bytes:
    """A line of the file: what a judge or a likelihood is read from, and nothing of the machine."""
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
    """By key, the lines of a model's file, read where one is asked for; none for a model without one."""
    file = readings_file(model)
    lines = file.read_bytes().splitlines() if file.is_file() else []
    return {orjson.loads(line)["key"]: line for line in lines}


def _token(token: Mapping[str, Any]) -> list[Any]:
    """[text, log-probability, {alternative: log-probability}]; no alternatives where there is the token alone."""
    others = {other["token"]: round(other["logprob"], 5) for other in token.get("top") or ()}
    return [token["token"], round(token["logprob"], 5), others if len(others) > 1 else {}]


def _timed(model: str, line: Mapping[str, Any]) -> Timed:
    read, written = line["tokens"]
    reply = {
        "model": model,
        "message": {"role": "assistant", "parts": [{"type": "text", "text": line["text"]}]},
        "finish_reason": line["end"],
        "usage": {"input_tokens": read, "output_tokens": written, "total_tokens": read + written},
        "logprobs": [
            {"token": token, "logprob": logprob, "top": [{"token": k, "logprob": v} for k, v in top.items()]}
            for token, logprob, top in line["logprobs"]
        ],
    }
    return response_from_dict(reply), line["seconds"]
