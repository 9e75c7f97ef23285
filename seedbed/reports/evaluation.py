"""An evaluation as text: the results of each teacher's programs on documents that no prompt has seen."""

from seedbed.compiling.evaluate import Evaluation
from seedbed.reports.summary import agreement_text, procedure_text, standings_table


def evaluation_text(result: Evaluation) -> str:
    """One teacher's tables for the terminal."""
    lines = [
        f"teacher {result.teacher}, by metric {result.metric}",
        standings_table(result.standings, result.gains),
        *(f"rows of {name}: {diversity}" for name, diversity in result.variety.items() if diversity),
        *(agreement_text(agreement, "held out") for agreement in result.agreement),
        *(procedure_text(agreement, result.folds) for agreement in result.procedure),
        f"ships: {result.ships} ({result.why})",
    ]
    return "\n".join(lines)
