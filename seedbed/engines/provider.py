"""Every provider DSPy knows by a model string (openai/, anthropic/, gemini/, mistral/, ollama/, ...)."""

import dataclasses
from typing import Any

import dspy
from dspy import lm15

from programs.candidate import digest
from seedbed.engines.engine import Shared, writable


class ProviderEngine(Shared):
    """DSPy's own client for a provider, behind the same contract as ours: one attempt a call."""

    continues = False

    def __init__(self, model: str, *, concurrency: int, timeout: float, logprobs: int = 0, **client: Any) -> None:
        self._lm = dspy.LM(model, cache=False, num_retries=0, timeout=timeout, **client)
        self.concurrency, self.logprobs = concurrency, logprobs
        self.identity = f"{model}|{digest({key: client[key] for key in sorted(client) if key != 'api_key'})}"
        self.enforces_schema = bool(self._lm.supports_response_schema)

    async def complete(self, request: lm15.Request) -> lm15.Response:
        return writable(await self._lm.acall(dataclasses.replace(request, model=self._lm.model)))

    async def aclose(self) -> None:
        await self._lm.aclose()
