"""Every provider DSPy knows by a model string (openai/, anthropic/, gemini/, mistral/, ollama/, ...)."""

import dataclasses
import os
import re
from typing import Any

import dspy
from dspy import lm15

from programs.candidate import digest
from seedbed.engines.engine import Shared, writable

_ADDRESS = re.compile(r"(?:^|_)(?:API_BASE|BASE_URL|API_URL|URL|ENDPOINT|ENDPOINT_URL\w*|HOST)$")
_PREFIXES = {
    "bedrock": ("AWS_", "BEDROCK_"),
    "gemini": ("GEMINI_", "GOOGLE_"),
    "huggingface": ("HUGGINGFACE_", "HF_"),
    "ollama_chat": ("OLLAMA_",),
    "vertex_ai": ("VERTEX_", "VERTEXAI_", "GOOGLE_"),
    "watsonx": ("WATSONX_", "WX_", "WML_"),
}
"""What the names of a provider's variables begin with, where that is not its own name."""


def addresses(model: str) -> dict[str, str]:
    """The variables of the environment from which a provider's client may take its address."""
    provider, slash, _ = model.partition("/")
    provider = provider if slash else "openai"
    prefixes = _PREFIXES.get(provider, (f"{provider.upper()}_",))
    return {name: value for name, value in os.environ.items() if name.startswith(prefixes) and _ADDRESS.search(name)}


class ProviderEngine(Shared):
    """DSPy's own client for a provider, behind the same contract as ours: one attempt a call."""

    continues = False

    def __init__(self, model: str, *, concurrency: int, timeout: float, logprobs: int = 0, **client: Any) -> None:
        self._lm = dspy.LM(model, cache=False, num_retries=0, timeout=timeout, **client)
        self.concurrency, self.logprobs = concurrency, logprobs
        told = client if {"api_base", "base_url"} & client.keys() else client | addresses(model)
        self.identity = f"{model}|{digest({key: told[key] for key in sorted(told) if key != 'api_key'})}"
        self.enforces_schema = bool(self._lm.supports_response_schema)

    async def complete(self, request: lm15.Request) -> lm15.Response:
        return writable(await self._lm.acall(dataclasses.replace(request, model=self._lm.model)))

    async def aclose(self) -> None:
        await self._lm.aclose()
