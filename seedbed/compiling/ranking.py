"""Whether a compile has anything to rank rows by, and whether the seeds pass the recipe's own gates."""

from collections.abc import Collection, Sequence
from typing import Any

from metrics.metric import Metric
from programs.core.background import together

NAMED = 5  # seeds in a note


def nothing_to_rank(metric: Metric, steps: Collection[str]) -> list[str]:
    """A note if the steps without labels are scored by nothing but the checks: no judge looks at the rows, and they
    rest on no document."""
    unlabelled = sorted(set(steps) - metric.recipe.labelled.keys())
    if not unlabelled or metric.judges or metric.recipe.program.row().document is not None:
        return []
    return [
        f"nothing ranks the rows of {', '.join(unlabelled)} beyond the checks, which pass or fail: no judge looks at "
        "them. Give a yes or no to 20 good and 20 bad rows (seedbed label DIR), name the file as verdicts:, and a "
        "judge under gates: judges:"
    ]


async def seed_faults(metric: Metric, seeds: Sequence[Any]) -> list[str]:
    """A note on the seeds whose row fails the checks that every row must pass; empty if all pass."""

    async def fault(seed: Any) -> str | None:
        drop = await metric.veto(seed.row, [seed.shown]) if seed.row else None
        return f"{seed.id} ({drop.reason})" if drop else None

    faults = [line for line in await together(map(fault, seeds)) if line]
    more = f", and {len(faults) - NAMED} more" if len(faults) > NAMED else ""
    rejected = f"{len(faults)} of {len(seeds)} seeds would be rejected as rows: {', '.join(faults[:NAMED])}{more}"
    return [rejected] if faults else []
