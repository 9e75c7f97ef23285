"""Every provider that DSPy knows by a model string (openai/, anthropic/, gemini/, mistral/, ollama/, ...)."""

import dataclasses
import os
import re
from typing import Any

import dspy
from dspy import lm15

from programs.core.row import digest
from seedbed.models.engines.engine import Shared, writable

_ADDRESS = re.compile(r"(?:^|_)(?:API_BASE|BASE_URL|API_URL|URL|ENDPOINT|ENDPOINT_URL\w*|HOST)$")
_PREFIXES = {
    "ai21_chat": ("AI21_",),
    "aiohttp_openai": ("OPENAI_",),
    "anthropic_text": ("ANTHROPIC_",),
    "azure_ai": ("AZURE_",),
    "azure_text": ("AZURE_",),
    "bedrock": ("AWS_", "ANTHROPIC_AWS_"),
    "bedrock_mantle": ("AWS_",),
    "chatgpt": ("OPENAI_CHATGPT_",),
    "cohere_chat": ("COHERE_",),
    "custom_openai": ("OPENAI_",),
    "featherless_ai": ("FEATHERLESS_",),
    "fireworks_ai": ("FIREWORKS_",),
    "friendliai": ("FRIENDLI_",),
    "gemini": ("GOOGLE_",),
    "huggingface": ("HF_",),
    "lambda_ai": ("LAMBDA_",),
    "meta_llama": ("LLAMA_",),
    "ollama_chat": ("OLLAMA_",),
    "sagemaker": ("AWS_",),
    "sagemaker_chat": ("AWS_",),
    "sagemaker_nova": ("AWS_",),
    "scx-ai": ("SCX_",),
    "text-completion-codestral": ("CODESTRAL_",),
    "text-completion-inception": ("INCEPTION_",),
    "text-completion-openai": ("OPENAI_",),
    "vertex_ai": ("VERTEX_", "VERTEXAI_", "GOOGLE_"),
    "vertex_ai_beta": ("VERTEX_", "VERTEXAI_", "GOOGLE_"),
    "volcengine": ("ARK_",),
    "watsonx": ("WX_", "WML_"),
    "watsonx_text": ("WATSONX_", "WX_", "WML_"),
}
"""Prefixes of a provider's environment variables besides its own name, as LiteLLM reads them."""


def addresses(model: str) -> dict[str, str]:
    """The environment variables from which a provider's client may take its address."""
    provider, slash, _ = model.partition("/")
    provider = provider if slash else "openai"
    prefixes = (f"{provider.upper().replace('-', '_')}_", *_PREFIXES.get(provider, ()))
    return {name: value for name, value in os.environ.items() if name.startswith(prefixes) and _ADDRESS.search(name)}


class ProviderEngine(Shared):
    """DSPy's own client for a provider, with the same contract as our engines: one attempt per call."""

    continues = False

    def __init__(self, model: str, *, concurrency: int, timeout: float, logprobs: int = 0, **client: Any) -> None:
        self._lm = dspy.LM(model, cache=False, num_retries=0, timeout=timeout, **client)
        self.concurrency, self.logprobs = concurrency, logprobs
        settings = client if {"api_base", "base_url"} & client.keys() else client | addresses(model)
        self.identity = f"{model}|{digest({key: settings[key] for key in sorted(settings) if key != 'api_key'})}"
        self.enforces_schema = bool(self._lm.supports_response_schema)

    async def complete(self, request: lm15.Request) -> lm15.Response:
        return writable(await self._lm.acall(dataclasses.replace(request, model=self._lm.model)))

    async def aclose(self) -> None:
        await self._lm.aclose()
