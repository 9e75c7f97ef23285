"""What to try when a program makes no row, by the commonest reason."""

from programs.formats.replies import CUT_OFF, EMPTY, FAILED, UNREADABLE

_STRONGER = "a stronger teacher (--teacher ALIAS)"
_BY_REASON = {
    FAILED: "to mend what the server refuses (seedbed doctor asks it)",
    CUT_OFF: "a greater max_tokens under the teacher's models: entry",
    EMPTY: "a greater max_tokens under the teacher's models: entry, which a model that thinks first may need",
    UNREADABLE: f"more seeds, compile.budget: medium, which tries more ways to ask, or {_STRONGER}",
    "off topic": f"seeds on documents like yours, longer passages (sources.chunk_tokens), or {_STRONGER}",
    "low score": f"verdicts on rows of this teacher (seedbed label), or {_STRONGER}",
}


def advice(reason: str) -> str:
    """What to try when most candidates are rejected for this reason."""
    return _BY_REASON.get(reason, f"seeds on documents like yours, a judge under roles.judge, or {_STRONGER}")
