"""The columns of rows on disk: those of a recipe's accepted rows, and those of rejected candidates."""

import pyarrow as pa

from programs.core.row import Candidate
from seedbed.storage.arrow import arrow_fields

SPAN = pa.struct(
    [
        ("document", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("text_hash", pa.string()),
        ("headings", pa.list_(pa.string())),
        ("lead", pa.string()),  # text before the span of a passage: headings, a table's header
    ]
)
LINEAGE = pa.struct(
    [
        ("recipe", pa.string()),
        ("source", pa.string()),
        ("group", pa.string()),  # what splits do not divide: the document with its copies, the leaf
        ("spans", pa.list_(SPAN)),
        ("parents", pa.list_(pa.string())),  # ids of the rows it was made from
        ("models", pa.list_(pa.string())),  # aliases that wrote it: its teacher, and those that stood in
        ("licences", pa.list_(pa.string())),  # of these models, where the shelf names one
        ("teacher", pa.string()),
        ("stood_in", pa.list_(pa.string())),  # models that answered in place of the teacher or a judge
        ("judges", pa.list_(pa.string())),
        ("program", pa.string()),
        ("seeds", pa.list_(pa.string())),
        ("attempt", pa.string()),  # id of the outcome in the journal, which names its program and all model calls
        ("index", pa.int64()),  # the candidate's place in the attempt
        ("position", pa.int64()),  # of its source in the feed, from 0
        ("draw", pa.int64()),  # how often the source was used before
        ("probability", pa.float64()),  # that a person accepts it, whatever dropped it; null before its evidence
        ("input_tokens", pa.int64()),
        ("output_tokens", pa.int64()),
        ("dollars", pa.float64()),
    ]
)

_SCORES = pa.list_(pa.struct([("part", pa.string()), ("score", pa.float64()), ("reason", pa.string())]))
_SCORED = [("score", pa.float64()), ("scores", _SCORES), ("unscored", pa.list_(pa.string())), ("lineage", LINEAGE)]

REJECTED = pa.schema(
    [*((name, pa.string()) for name in ("id", "step", "reason", "detail", "candidate")), *_SCORED],
)


def row_schema(kind: type[Candidate]) -> pa.Schema:
    """The columns of accepted rows: id, those that a trainer reads, the recipe's own fields, the scores, then the row's
    lineage.

    Raises TypeError if a field of the recipe's rows has no column type, or the name of a column of another meaning: one
    that all rows have, or one of another type that the trainer reads."""
    base = dict(arrow_fields(kind.Base))
    taken = {"id": pa.string(), **base, **dict(_SCORED)}
    own = [column for column in arrow_fields(kind) if column[0] != "dropped"]
    for name, column_type in own:
        if name in taken and not (name in base and column_type == base[name]):
            raise TypeError(f"{kind.__name__}.{name}: every row has a column {name} of another meaning")
    return pa.schema(
        [("id", pa.string()), *base.items(), *(column for column in own if column[0] not in base), *_SCORED]
    )
