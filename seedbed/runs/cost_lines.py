"""What a run took beside its total, in lines for people: by teacher, and for calls that brought no reply."""

from typing import Any


def bill_lines(report: dict[str, Any]) -> list[str]:
    """A line for each teacher of a cascade, the judges of its rows included, and for each alias with calls that
    brought no reply. `report`: run.json's content."""
    teachers = report["teachers"]
    lines = [_teacher(alias, **record) for alias, record in teachers.items()] if len(teachers) > 1 else []
    return lines + [line for alias, spent in report["ledger"].items() if (line := _unanswered(alias, spent))]


def _teacher(alias: str, sources: int, accepted: int, dollars: float | None) -> str:
    made = f"{alias}: {accepted} rows from {sources} sources"
    if dollars is None:
        return f"{made}, cost unknown"
    return f"{made}, ${dollars:.4f}" + (f", ${dollars / accepted:.6f} a row" if accepted else "")


def _unanswered(alias: str, spent: dict[str, Any]) -> str:
    """A timeout, a broken connection or a kill may still be billed, so the most it can have cost is kept as spent."""
    if not spent["unanswered"]:
        return ""
    kept = "at an unknown cost" if spent["usd"] is None else f"${spent['unanswered_usd']:.4f} is kept as spent for them"
    return f"{alias}: {spent['unanswered']} calls brought no reply, {kept}"
