"""One call of a teacher: a signature with its instruction, its message format and its demos, all three compiled."""

import functools
from typing import Any

import dspy
import numpy as np

from programs.core.embedding import Embed, ahead
from programs.core.tools import tools
from programs.formats.bare import bare_fields
from programs.formats.formats import BARE, FORMATS


class Step(dspy.Predict):
    """A `dspy.Predict` that also has a message format and a number of demos to show.

    Args:
        signature: the task.
        format: `chat`, `json`, `compact` or `bare` (see `programs.formats.formats`). config: options of its calls, such
        as `temperature` or `top_p`; they go before those of the model.

    Raises ValueError for a signature that cannot be asked `bare`.

    `nearest` is 0 to show all demos in their order, else the number of demos to show: those nearest to the
    inputs by `Tools.embed`, or the first ones if there is none.
    """

    def __init__(self, signature: type[dspy.Signature], format: str = "chat", **config: Any) -> None:
        super().__init__(signature, **config)
        self.asked = signature
        self.format = format
        if self.is_bare:
            bare_fields(signature)
        self.nearest = 0

    def dump_state(self, json_mode: bool = True) -> dict[str, Any]:
        """Predict's state and our two keys."""
        return {**super().dump_state(json_mode=json_mode), "format": self.format, "nearest": self.nearest}

    def load_state(self, state: dict[str, Any], **kwargs: Any) -> "Step":
        """Raises ValueError for a message format this version does not know."""
        if state["format"] not in FORMATS:
            raise ValueError(f"message format {state['format']!r} is not one of {', '.join(FORMATS)}")
        return super().load_state(state, **kwargs)

    @property
    def is_bare(self) -> bool:
        """Whether its inputs alone are the prompt: no format, wording or instruction may be chosen for it."""
        return self.format == BARE

    async def aforward(self, **kwargs: Any) -> dspy.Prediction:
        """The prediction for these inputs. `config` and `lm` go before the step's own, `signature` stands in for it."""
        embed = tools().embed
        config, lm = {**self.config, **kwargs.pop("config", {})}, kwargs.pop("lm", None) or self.lm or dspy.settings.lm
        if self.nearest and embed:
            embed = await ahead(embed, [self._key(demo) for demo in [*self.demos, kwargs]])
        demos = self.shown(kwargs, embed)
        signature = kwargs.pop("signature", self.signature)
        if not (lm and self._plain(signature, config, kwargs)):
            with dspy.context(adapter=FORMATS[self.format]):
                return await super().aforward(demos=demos, signature=signature, config=config, lm=lm, **kwargs)
        replies = await FORMATS[self.format].acall(lm, config, signature, demos, kwargs)
        return self._forward_postprocess(replies, signature, **kwargs)

    def _plain(self, signature: type[dspy.Signature], config: dict[str, Any], inputs: dict[str, Any]) -> bool:
        """Whether Predict's own code (defaults, warnings, streams, several replies) would add nothing to this call."""
        return (
            inputs.keys() == signature.input_fields.keys()
            and all(type(value) is str for value in inputs.values())
            and not (self.fields or config.get("n") or dspy.settings.send_stream)
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
