"""What the candidates of a run took, in dollars or tokens, and for what."""

import dataclasses
from collections import defaultdict

import numpy as np

from seedbed.reports.html.candidates import candidates, flags, numbers, texts
from seedbed.reports.html.run_folder import RunFolder

REASONS = 5  # told apart; the rest is one
KEPT, OTHER, SILENT = "rows kept", "rejected: other reasons", "calls without reply"


@dataclasses.dataclass(frozen=True)
class Bill:
    """What was spent by teacher and purpose, in `unit`, on so many accepted rows; and by model with its role."""

    unit: str
    rows: int
    by_purpose: dict[tuple[str, str], float]
    by_model: dict[str, float]

    def told(self, amount: float) -> str:
        """An amount with its unit."""
        return f"${amount:.4f}" if self.unit == "dollars" else f"{amount:,.0f} tokens"


def bill_of(run: RunFolder) -> Bill:
    """What the candidates of a run took: in dollars if every price is known and something was paid, else in tokens."""
    columns = ["reason", "lineage.teacher", "lineage.dollars", "lineage.input_tokens", "lineage.output_tokens"]
    table = candidates(run, columns)
    dollars = numbers(table, "dollars")
    paid = bool(len(dollars) and not np.isnan(dollars).any() and dollars.sum() > 0)
    amounts = dollars if paid else np.nan_to_num(numbers(table, "input_tokens") + numbers(table, "output_tokens"))
    purposes = np.where(flags(table), KEPT, [f"rejected: {reason}" for reason in texts(table, "reason")])
    spent = defaultdict[tuple[str, str], float](float)
    for teacher, purpose, amount in zip(texts(table, "teacher"), purposes.tolist(), amounts.tolist(), strict=True):
        spent[teacher, purpose] += amount
    unanswered = {
        alias: spending.get("unanswered_usd") or 0.0 for alias, spending in run.report.get("ledger", {}).items()
    }
    for alias, amount in unanswered.items():
        if paid and amount:
            spent[alias, SILENT] += amount
    return Bill("dollars" if paid else "tokens", int(flags(table).sum()), _merged(spent), _by_model(run, paid))


def _merged(spent: dict[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """The dearest reasons, and the others as one."""
    by_reason = defaultdict[str, float](float)
    for (_, purpose), amount in spent.items():
        if purpose.startswith("rejected: "):
            by_reason[purpose] += amount
    dearest = sorted(by_reason, key=lambda purpose: -by_reason[purpose])[:REASONS]
    merged = defaultdict[tuple[str, str], float](float)
    for (teacher, purpose), amount in spent.items():
        rare = purpose in by_reason and purpose not in dearest
        merged[teacher, OTHER if rare else purpose] += amount
    return dict(merged)


def _by_model(run: RunFolder, paid: bool) -> dict[str, float]:
    """What each model took, teachers and judges apart where they are different models."""
    models = run.report.get("models", {})
    roles = run.report.get("config", {}).get("roles", {})
    named = dict[str, list[str]]()
    for role, bound in roles.items():
        for alias in bound if isinstance(bound, list) else [bound]:
            named.setdefault(alias or "", []).append(role)
    taken = {
        alias: (tally.get("dollars") or 0.0) if paid else tally.get("input_tokens", 0) + tally.get("output_tokens", 0)
        for alias, tally in models.items()
    }
    return {f"{alias} ({', '.join(named.get(alias, ['other']))})": amount for alias, amount in taken.items()}
