"""The expected score of a verdict, from the log-probabilities of the token in which a reply names its level."""

import itertools
import math
import re
from collections.abc import Mapping
from typing import Any

from programs.formats.thoughts import without_thoughts


def expected_score(
    logprobs: Any, field: str, written: Any, levels: Mapping[Any, float], *, alone: bool = False
) -> float | None:
    """The sum of p(level) times its score (G-Eval, Liu et al. 2023, section 2.2), in the range of the scores.

    Args:
        logprobs: as `dspy.Prediction` has them: `content`, a list of `token`, `logprob`, `top_logprobs`, which are
        the whole reply in order; None where the endpoint gave none.
        field: the deciding field's name. written: its value in the reply. levels: every value -> its score.
        alone: there is no other field, so that a reply may be the value alone.

    p is taken over the levels among the token's alternatives, so that other words do not count. None where the
    deciding token cannot be found: then the written level is all there is.
    """
    tokens = logprobs["content"] if logprobs else []
    index = _deciding([token["token"] for token in tokens], field, str(written), alone)
    if index is None:
        return None
    names = {str(level).lower(): score for level, score in levels.items()}
    alternatives = [*tokens[index]["top_logprobs"], tokens[index]]
    chances = {one["token"]: math.exp(one["logprob"]) for one in alternatives}
    named = [(chance, level) for token, chance in chances.items() if (level := _level(token, names))]
    total = sum(chance for chance, _ in named)
    if _level(tokens[index]["token"], names) != str(written).lower() or not total:
        return None
    return sum(chance * names[level] for chance, level in named) / total


def _deciding(tokens: list[str], field: str, written: str, alone: bool) -> int | None:
    """The token in which the value of a field begins, in any message format: after the field's name at the start of
    a line, in a marker or in quotes; where it is `alone` also at the beginning."""
    name, value = re.escape(field).replace("_", "[ _]"), re.escape(written)
    named = rf"""(?:^[^\w\n]*|\[\[ ## |(?<!\\)["']){name}\W*"""
    before = rf"(?:{named}|\A\W*)" if alone else named
    pattern = rf"(?im){before}({value})(?!\w)"
    text = "".join(tokens)
    reply = _without_thoughts(text)
    if not text.endswith(reply) or not (found := re.search(pattern, reply)):
        return None
    place, ends = found.start(1) + len(text) - len(reply), itertools.accumulate(map(len, tokens))
    return next((index for index, end in enumerate(ends) if end > place), None)


def _without_thoughts(text: str) -> str:
    try:
        return without_thoughts(text)
    except ValueError:
        return ""


def _level(token: str, names: Mapping[str, float]) -> str | None:
    """The one level that a token is, or is the beginning of; case, blanks and quotes do not count."""
    said = re.sub(r"[^a-z0-9]", "", token.lower())
    fitting = [name for name in names if said and name.startswith(said)]
    return fitting[0] if len(fitting) == 1 else None
