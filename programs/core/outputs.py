"""What comes back from a call: a step's output fields, and how the reply ended."""

from typing import Any, NamedTuple


class Ending(NamedTuple):
    """How a reply ended: `finish_reason` in lm15's words (`stop`, `length`, ...), and the model's thoughts before the
    reply, empty if there are none."""

    finish_reason: str
    thinking: str


class Outputs(dict[str, Any]):
    """A step's output fields by name; `ending` is None if the model does not say how its reply ended."""

    ending: Ending | None = None

    @property
    def finish_reason(self) -> str:
        """Why the reply ended: `stop` by itself, `length` at `max_tokens`; empty if the model does not say."""
        return self.ending.finish_reason if self.ending else ""

    @property
    def thinking(self) -> str:
        """What a reasoning model thought before its reply; empty if it does not say."""
        return self.ending.thinking if self.ending else ""
