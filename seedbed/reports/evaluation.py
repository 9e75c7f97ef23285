"""An evaluation in text: what each teacher's programs reached on what no prompt has seen."""

from seedbed.compiling.evaluate import Evaluation
from seedbed.reports.summary import agreement_text, procedure_text, standings_table


def evaluation_text(result: Evaluation) -> str:
    """One teacher's tables for the terminal."""
    lines = [
        f"teacher {result.teacher}, by metric {result.metric}",
        standings_table(result.standings, result.gains),
        *(f"rows of {name}: {found}" for name, found in result.variety.items() if found),
        *(agreement_text(one, "held out") for one in result.agreement),
        *(procedure_text(one, result.folds) for one in result.procedure),
        f"ships: {result.ships} ({result.why})",
    ]
    return "\n".join(lines)
