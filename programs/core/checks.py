"""The checks that a recipe's rows must pass: rules without a model, by the name of a shipped one or as a function.

The shipped rules are in `metrics.checks.registry`. A recipe's own rule takes a row of that recipe, as far as it is
filled, and returns a Drop if something is wrong. It returns None while the fields that it reads are empty, because a
row is checked after every step, before the next call is paid.
"""

import functools
from collections.abc import Awaitable, Callable
from typing import Any

from programs.core.row import Drop

Rule = Callable[[Any], Drop | Awaitable[Drop | None] | None]
"""A recipe's own rule. It may be asynchronous, as an execution of code is."""

FREE = ("refusal", "leak", "repetition", "language", "copied seed")
"""The checks of free text: instructions and answers without a document."""
CODE = ("refusal", "template marks", "copied seed")
"""The checks of texts with code, which has braces, and lines and words that recur."""
PLAIN_TEXT = ("refusal", "leak", "repeated sentence", "language", "copied seed")
"""The checks of texts for language modelling, where a refrain is no fault."""
ANSWER = ("refusal", "leak", "repetition", "language", "word list", "answer", "obeyed", "number", "pasted passage")
"""The checks of an answer on a document, whatever was asked."""
GROUNDED = (
    *("refusal", "leak", "repetition", "language", "question", "word list", "copied sentence"),
    *("answer", "obeyed", "number", "pasted passage"),
)
"""The checks of a question on a document and its answer."""
ON_TOPIC = ("copied seed", "off topic", "unsupported")
"""The last checks of a question on a document and its answer: these compare words and vectors, which takes longer."""


def of_each_view(rule: Callable[[Any], Drop | None]) -> Callable[[Any], Drop | None]:
    """A rule for one view as a rule for the row: the first fault of its views."""

    @functools.wraps(rule)
    def of_each(row: Any) -> Drop | None:
        return next(filter(None, map(rule, row.views())), None)

    return of_each
