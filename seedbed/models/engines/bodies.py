"""Request bodies for an OpenAI-compatible server."""

from typing import Any

from dspy import lm15


def chat(model: str, request: lm15.Request, extra: dict[str, Any]) -> dict[str, Any]:
    """The body for `/chat/completions`."""
    system = [{"role": "system", "content": request.system}] if request.system else []
    messages = [{"role": message.role, "content": message.text or ""} for message in request.messages]
    top = request.config.logprobs
    return {
        "model": model,
        "messages": system + messages,
        **_sampling(request.config),
        **({"logprobs": True, "top_logprobs": top} if top is not None else {}),
        **extra,
    }


def continuation(model: str, request: lm15.Request, extra: dict[str, Any]) -> dict[str, Any]:
    """The body for `/completions`."""
    top = request.config.logprobs
    return {
        "model": model,
        "prompt": request.messages[-1].text,
        **_sampling(request.config),
        **({"logprobs": top} if top is not None else {}),
        **extra,
    }


def _sampling(config: lm15.Config) -> dict[str, Any]:
    names = (
        "max_tokens",
        "temperature",
        "top_p",
        "seed",
        "presence_penalty",
        "frequency_penalty",
    )
    body = {name: value for name in names if (value := getattr(config, name)) is not None}
    if config.stop:
        body["stop"] = list(config.stop)
    if config.response_format:
        body["response_format"] = _response_format(dict(config.response_format))
    return body


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    """lm15 puts a schema and its settings side by side; OpenAI's format nests them."""
    kind = schema.pop("type")
    return {"type": kind, "json_schema": {"name": "reply", **schema}} if kind == "json_schema" else {"type": kind}
