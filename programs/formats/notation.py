"""Reads JSON as models write it."""

import ast
import contextlib
import json
import re
from typing import Any

LONGEST_CODE = 20_000  # characters; a longer text takes too long to parse as Python
_STRING_OR_COMMA = re.compile(r'("(?:\\.|[^"\\])*")|,(?=\s*[\]}])', re.DOTALL)


class NotJSON(ValueError):
    """A text that is no JSON value."""


def decoded(text: str) -> Any:
    """The JSON value of a text, which may have line breaks in strings, extra commas, or Python's notation. Raises
    ValueError for any other text, because a repair would guess what the model meant."""
    for reader in (_json, _without_commas, _python):
        with contextlib.suppress(json.JSONDecodeError, SyntaxError, RecursionError, MemoryError, TypeError):
            return reader(text)
        if not text.startswith(("[", "{")) or len(text) > LONGEST_CODE:
            break
    raise NotJSON("no JSON")


def _json(text: str) -> Any:
    return json.loads(text, strict=False, object_pairs_hook=unique)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object from its pairs. Raises ValueError where a key has two values."""
    members = dict(pairs)
    if any(members[key] != value for key, value in pairs):
        raise ValueError("a key with two values")
    return members


def _without_commas(text: str) -> Any:
    return _json(_STRING_OR_COMMA.sub(lambda part: part[1] or "", text))


def _python(text: str) -> Any:
    tree = ast.parse(text, mode="eval")
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            keys = [ast.dump(key) for key in node.keys if key]
            if len({*keys}) < len(keys):
                raise ValueError("a key that stands there twice")
        elif not isinstance(node, ast.Expression | ast.List | ast.Constant | ast.Load | ast.UnaryOp | ast.USub):
            raise SyntaxError("no value")
    value = ast.literal_eval(tree)
    json.dumps(value)  # bytes, say, are no JSON value
    return value
