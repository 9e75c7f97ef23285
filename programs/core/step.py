"""One call of a teacher: a signature with its instruction, its message format and its demos, all three compiled."""

import functools
from typing import Any

import dspy
import numpy as np

from programs.core.embedding import Embed, ahead
from programs.core.tools import tools
from programs.formats.formats import FORMATS


class Step(dspy.Predict):
    """A `dspy.Predict` that also has a message format and a number of demos to show.

    Args:
        signature: the task.
        format: `chat`, `json` or `compact` (see `programs.formats.formats`).

    `nearest` is 0 to show all demos in their order, else the number of demos to show: those nearest to the
    inputs by `Tools.embed`, or the first ones if there is none.
    """

    def __init__(self, signature: type[dspy.Signature], format: str = "chat", **config: Any) -> None:
        super().__init__(signature, **config)
        self.asked = signature
        self.format = format
        self.nearest = 0

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """Predict's state and our two keys."""
        return {**super().dump_state(json_mode=json_mode), "format": self.format, "nearest": self.nearest}

    def load_state(self, state: dict[str, Any], **kwargs: Any) -> "Step":
        """Raises ValueError for a message format this version does not know."""
        if state["format"] not in FORMATS:
            raise ValueError(f"message format {state['format']!r} is not one of {', '.join(FORMATS)}")
        return super().load_state(state, **kwargs)

    async def aforward(self, **kwargs: Any) -> dspy.Prediction:
        embed = tools().embed
        if self.nearest and embed:
            embed = await ahead(embed, [self._key(demo) for demo in [*self.demos, kwargs]])
        demos = self.shown(kwargs, embed)
        signature = kwargs.pop("signature", self.signature)
        if not self._plain(signature, kwargs):
            with dspy.context(adapter=FORMATS[self.format]):
                return await super().aforward(demos=demos, signature=signature, **kwargs)
        lm = self.lm or dspy.settings.lm
        replies = await FORMATS[self.format].acall(lm, dict(self.config), signature, demos, kwargs)
        return self._forward_postprocess(replies, signature, **kwargs)

    def _plain(self, signature: type[dspy.Signature], kwargs: dict[str, Any]) -> bool:
        """Whether Predict's own code (defaults, warnings, streams, several replies) would add nothing to this call."""
        return (
            kwargs.keys() == signature.input_fields.keys()
            and all(type(value) is str for value in kwargs.values())
            and not (self.fields or self.config.get("n") or dspy.settings.send_stream)
            and bool(self.lm or dspy.settings.lm)
        )

    def shown(self, inputs: dict[str, Any], embed: Embed | None = None) -> list[Any]:
        """The demos of this call. The nearest one is last, next to the inputs. `embed` is `Tools.embed` by default.

        A demo with the same inputs is left out: the model would copy its answer, and a compile would count that as
        skill.
        """
        embed, key = embed or tools().embed, self._key(inputs)
        demos = [demo for demo in self.demos if self._key(demo) != key]
        if not self.nearest or len(demos) <= self.nearest or embed is None:
            return demos[: self.nearest or None]
        keys = [self._key(demo) for demo in demos]
        similarity = embed(keys) @ embed([key])[0]
        return [demos[i] for i in np.argsort(similarity, kind="stable")[-self.nearest :]]

    def _key(self, values: Any) -> str:
        return "\n".join(str(values[name]) for name in self.signature.input_fields if name in values)


@functools.lru_cache(maxsize=64)
def reworded(signature: type[dspy.Signature], instructions: str) -> type[dspy.Signature]:
    """The signature with another instruction. Cached, because creating the class takes a millisecond."""
    return signature.with_instructions(instructions)
