"""The expected score of a verdict, from the log-probabilities of the token that begins the verdict's level."""

import itertools
import math
import re
from collections.abc import Mapping
from typing import Any

from programs.formats.thoughts import without_thoughts


def expected_score(
    logprobs: Any, field: str, value: Any, levels: Mapping[Any, float], *, alone: bool = False
) -> float | None:
    """The sum of p(level) times its score (G-Eval, Liu et al. 2023, section 2.2), in the range of the scores.

    Args:
        logprobs: as `dspy.Prediction` has them: `content`, a list of `token`, `logprob`, `top_logprobs`, for the whole
        reply in order; None if the endpoint gave none.
        field: the deciding field's name. value: its value in the reply. levels: every value -> its score.
        alone: there is no other field, so a reply may be the value alone.

    p covers only the levels among the token's alternatives; other words do not count. Returns None if the deciding
    token cannot be found: then only the value in the reply is known.
    """
    tokens = logprobs["content"] if logprobs else []
    index = _deciding([token["token"] for token in tokens], field, str(value), alone)
    if index is None:
        return None
    names = {str(level).lower(): score for level, score in levels.items()}
    alternatives = [*tokens[index]["top_logprobs"], tokens[index]]
    chances = {token["token"]: math.exp(token["logprob"]) for token in alternatives}
    level_chances = [(chance, level) for token, chance in chances.items() if (level := _level(token, names))]
    total = sum(chance for chance, _ in level_chances)
    if _level(tokens[index]["token"], names) != str(value).lower() or not total:
        return None
    return sum(chance * names[level] for chance, level in level_chances) / total


def _deciding(tokens: list[str], field: str, value: str, alone: bool) -> int | None:
    """The index of the token that begins the field's value. The value stands behind the field's name, which is at the
    start of a line, in a marker or in quotes, in any message format; if it is `alone`, also at the beginning."""
    name, quoted_value = re.escape(field).replace("_", "[ _]"), re.escape(value)
    label = rf"""(?:^[^\w\n]*|\[\[ ## |(?<!\\)["']){name}\W*"""
    before = rf"(?:{label}|\A\W*)" if alone else label
    pattern = rf"(?im){before}({quoted_value})(?!\w)"
    text = "".join(tokens)
    reply = _without_thoughts(text)
    if not text.endswith(reply) or not (match := re.search(pattern, reply)):
        return None
    place, ends = match.start(1) + len(text) - len(reply), itertools.accumulate(map(len, tokens))
    return next((index for index, end in enumerate(ends) if end > place), None)


def _without_thoughts(text: str) -> str:
    try:
        return without_thoughts(text)
    except ValueError:
        return ""


def _level(token: str, names: Mapping[str, float]) -> str | None:
    """The only level that equals the token or begins with it; case, blanks and quotes do not count."""
    word = re.sub(r"[^a-z0-9]", "", token.lower())
    matches = [name for name in names if word and name.startswith(word)]
    return matches[0] if len(matches) == 1 else None
