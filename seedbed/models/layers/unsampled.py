"""Asks models that refuse to be told how to sample."""

import dataclasses

from dspy import lm15

from seedbed.models.engines.engine import Engine, Wrapped


class Unsampled(Wrapped):
    """Leaves `temperature` and `top_p` out of every request. Its replies are not those of the engine alone."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.identity = f"{engine.identity}|unsampled"

    async def complete(self, request: lm15.Request) -> lm15.Response:
        config = dataclasses.replace(request.config, temperature=None, top_p=None)
        return await self.engine.complete(dataclasses.replace(request, config=config))
