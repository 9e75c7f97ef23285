"""What is written about a dataset of pairs: run.json, with the keys of a run's, and the card."""

import collections
from typing import Any

from programs.core.kinds import Preference
from programs.judges.judge import ORDERS_DISAGREE
from seedbed.project.session import Session
from seedbed.runs.ending import Ending
from seedbed.runs.pairs.finished import FinishedRun
from seedbed.runs.pairs.job import PairJob
from seedbed.runs.pairs.rows import JUDGE, PairRows
from seedbed.runs.record.report import licence_warnings, session_report
from seedbed.runs.rows import PAIRS


def pairs_report(
    session: Session, run: FinishedRun, job: PairJob, rows: PairRows, settings: dict[str, Any], ending: Ending
) -> dict[str, Any]:
    """run.json's content but for the setup and the time. Its key `pairs` is what a run's does not have."""
    tried = list(job.tried())
    made = [entry.pair for entry in tried if entry.pair and entry.accepted]
    dropped = collections.Counter(entry.refusal for entry in tried if entry.refusal)
    judged = [entry for entry in tried if entry.verdict and entry.verdict.score is not None]
    paid = session_report(session)
    paid["config"]["run"]["shards"] = None  # pairs lie in their own folder, wherever the run's rows are
    return {
        "recipe": PAIRS,
        "options": {},
        "rows": len(tried),
        "stopped": ending.stopped,
        "exit_code": ending.code,
        "content": rows.content,
        "counts": {
            "accepted": len(made),
            "candidates": len(tried),
            "splits": rows.shards.splits,
            "rejected": dict(dropped.most_common()),
            "unscored": {},
            "skipped": [],
        },
        "pairs": {
            "run": str(run.folder),
            "content": run.report.get("content"),
            **settings,
            "origins": dict(collections.Counter(pair.origin for pair in made).most_common()),
            "longer": _share(sum(pair.is_longer for pair in made), len(made)),
            "agreement": _share(len(judged) - dropped[ORDERS_DISAGREE], len(judged)),
        },
        **paid,
        "teachers": {},
        "stood_in": {},
        "variety": None,
        "warnings": licence_warnings(session.project),
        "program": run.report["program"],
        "metric": run.report["metric"],
        "judges": [JUDGE] if settings["judged"] else [],
    }


def _share(count: int, total: int) -> float | None:
    return round(count / total, 4) if total else None


def pair_lines(report: dict[str, Any]) -> list[str]:
    """What a person should know of the pairs: their origins, why others were dropped, and two signs of a bad judge."""
    counts, pairs = report["counts"], report["pairs"]
    lines = [f"{count} pairs with {ORIGINS[origin]}" for origin, count in pairs["origins"].items()]
    lines += [f"{count} prompts without a pair: {reason}" for reason, count in counts["rejected"].items()]
    if pairs["longer"] is not None:
        lines.append(f"the chosen answer is the longer one in {pairs['longer']:.0%} of the pairs")
    if not pairs["judged"]:
        lines.append("no judge was asked: the scores alone say which answer is better")
    elif pairs["agreement"] is not None:
        lines.append(
            f"the judge said the same in both orders for {pairs['agreement']:.0%} of the pairs it was asked about"
        )
        if pairs["agreement"] < 0.5:  # a judge that always says the same word disagrees with itself every time
            lines.append("a judge like that goes by the order: name another one under roles.judge, or use --no-judge")
    return lines


ORIGINS = {
    "rejected": "a rejected answer of the run",
    "teachers": "an answer of another teacher",
    "samples": "a new sample",
}


def pairs_body(report: dict[str, Any]) -> str:
    """The text of the card."""
    counts, pairs = report["counts"], report["pairs"]
    splits = ", ".join(f"{name} {count}" for name, count in counts["splits"].items()) or "none"
    lines = "\n".join(f"- {line}" for line in pair_lines(report))
    columns = ", ".join(f"`{name}`" for name in Preference.Base.model_fields)
    warnings = "".join(f"\n**Note:** {warning}.\n" for warning in report["warnings"])
    return f"""# Pairs of a better and a worse answer to one prompt

Made by `seedbed pairs` from the run in `{pairs["run"]}`.
{warnings}
## Rows

{counts["accepted"]} pairs from {counts["candidates"]} prompts; splits, which are those of the run's rows: {splits}.
It stopped because {report["stopped"]}.

{lines}

The chosen answer was accepted by the gate of the run. The rejected one was refused by it, or its score is lower by
{pairs["margin"]:g} at least. Trainers of preferences read the columns {columns}.
`probability` is that the judge prefers the chosen answer, the mean over both orders of the two; pairs whose orders
disagree are left out. `lineage.parents` names the row of the run.

Human involvement: none beyond the labels behind the run; no pair was read by a person.
"""
