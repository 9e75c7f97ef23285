"""How long the lines of an export are to a trainer's tokenizer."""

from array import array
from collections.abc import Iterator
from typing import Any

from seedbed.errors import UserError


class Lengths:
    """Counts the tokens of lines.

    Args:
        tokenizer: its name on the Hub or its folder; None counts nothing. most: the tokens at which a trainer cuts.

    Raises UserError if there is no such tokenizer.
    """

    def __init__(self, tokenizer: str | None, most: int) -> None:
        self._tokenizer, self._most = _opened(tokenizer) if tokenizer else None, most
        self._numbers = array("I")

    def add(self, line: dict[str, Any]) -> None:
        """Count one line: all its texts, without the marks of a chat template."""
        if self._tokenizer:
            self._numbers.append(len(self._tokenizer("\n".join(_texts(line)), add_special_tokens=False)["input_ids"]))

    def figures(self) -> dict[str, int] | None:
        """The median, the 99% quantile, and how many lines are longer than the limit; None if nothing was counted."""
        if not self._numbers:
            return None
        ordered = sorted(self._numbers)
        median, p99 = (ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.99))
        cut = sum(number > self._most for number in ordered)
        return {"median": median, "p99": p99, "cut": cut, "max_tokens": self._most}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from _texts([item for name, item in value.items() if name not in ("role", "from")])
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str):
        yield value


def _opened(name: str) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"--tokens: {name} is no tokenizer that can be loaded: {reason}",
            hint="Name a model of the Hub, or a folder.",
        ) from error
