"""The shipped checks on one row, without the recipe's own rules and without an embedder."""

import asyncio

from support.bags import embed

from metrics.checks.manner import ENGLISH, Manner
from metrics.checks.registry import Setting, first_fault
from programs.core.checks import FREE, GROUNDED
from programs.core.row import Candidate, Drop


def fault(row: Candidate, manner: Manner = ENGLISH) -> Drop | None:
    """The first fault by the checks of a row on a document, or of free text."""
    checks = FREE if row.document is None else GROUNDED
    return asyncio.run(first_fault(row, checks, Setting(embed, manner)))
