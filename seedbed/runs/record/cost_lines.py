"""Lines for people on a run's costs: for each teacher, and for calls without a reply."""

from typing import Any


def bill_lines(report: dict[str, Any]) -> list[str]:
    """A line for each teacher of a cascade, including the judges of its rows, and for each alias that has calls without
    a reply. `report`: run.json's content."""
    teachers = report["teachers"]
    lines = [_teacher(alias, **record) for alias, record in teachers.items()] if len(teachers) > 1 else []
    return lines + [line for alias, spent in report["ledger"].items() if (line := _unanswered(alias, spent))]


def _teacher(alias: str, sources: int, accepted: int, dollars: float | None) -> str:
    rows = f"{alias}: {accepted} rows from {sources} sources"
    if dollars is None:
        return f"{rows}, cost unknown"
    return f"{rows}, ${dollars:.4f}" + (f", ${dollars / accepted:.6f} a row" if accepted else "")


def _unanswered(alias: str, spent: dict[str, Any]) -> str:
    """A timeout, a broken connection or a kill may still be billed, so its highest possible cost counts as spent."""
    if not spent["unanswered"]:
        return ""
    cost = "at an unknown cost" if spent["usd"] is None else f"${spent['unanswered_usd']:.4f} is kept as spent for them"
    return f"{alias}: {spent['unanswered']} calls brought no reply, {cost}"
