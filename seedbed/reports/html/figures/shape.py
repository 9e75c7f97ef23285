"""How long prompts and responses are, of accepted rows and of rejected candidates, and how varied the rows are."""

import heapq
import json
from typing import Any

import numpy as np

from metrics.diversity import Variety
from programs.core.text import blank_words
from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.svg import FELL, KEPT, WIDTH
from seedbed.runs.rows import row_type

SAMPLE, FEWEST, BINS = 1000, 6, 16


def shape(folder: RunFolder) -> Figure | None:
    """The words of prompts and responses, and the measures of diversity; None without rows or a report."""
    if not folder.report or not len(folder.accepted(["id"])):
        return None
    words = {
        (of, state): _words(folder, state)[of] for state in ("accepted", "rejected") for of in ("prompt", "response")
    }
    rows = [[f"words of a {of}, {state}", *_quantiles(values)] for (of, state), values in words.items() if len(values)]
    variety = Variety.model_validate(folder.report["variety"]) if folder.report.get("variety") else None
    rows += _measures(variety)
    prompts, responses = words["prompt", "accepted"], words["response", "accepted"]
    caption = (
        f"Half of the accepted prompts have {np.median(prompts):.0f} words or fewer, half of the responses "
        f"{np.median(responses):.0f}."
    )
    if variety:
        caption += (
            f" The rows are as varied as {variety.vendi:.1f} wholly different ones of {variety.sampled} (Vendi score)."
        )
    return Figure(
        caption,
        Table(["measure", "10%, or value", "50%", "90%"], rows),
        _chart(words) if len(prompts) >= FEWEST else None,
    )


def _words(folder: RunFolder, state: str) -> dict[str, Any]:
    """The lengths of a sample: the rows with the smallest ids, which are digests."""
    kind = row_type(folder.report["recipe"], folder.report.get("options"))
    table = folder.accepted() if state == "accepted" else folder.rejected(["id", "candidate"])
    sample = heapq.nsmallest(SAMPLE, range(len(table)), key=table["id"].to_pylist().__getitem__) if len(table) else []
    rows = table.take(sample).to_pylist() if sample else []
    fields = rows if state == "accepted" else [json.loads(row["candidate"]) for row in rows]
    candidates = [kind.model_validate(values) for values in fields if values]
    texts = {"prompt": [row.prompt for row in candidates], "response": [row.response for row in candidates]}
    return {of: np.array([blank_words(text) for text in some if text.strip()]) for of, some in texts.items()}


def _quantiles(values: Any) -> list[str]:
    return [f"{value:g}" for value in np.quantile(values, (0.1, 0.5, 0.9))]


def _measures(variety: Variety | None) -> list[list[str]]:
    if variety is None:
        return []
    named = {"distinct-1": variety.distinct_1, "distinct-2": variety.distinct_2, "distinct-3": variety.distinct_3}
    rows = [[name, f"{value:.2f}", "", ""] for name, value in named.items() if value is not None]
    rows += [["self-ROUGE-L", f"{variety.self_rouge_l:.2f}", "", ""], ["Vendi score", f"{variety.vendi:.1f}", "", ""]]
    return rows + [[f"{kind} questions", f"{share:.0%}", "", ""] for kind, share in variety.kinds.items()]


def _chart(words: dict[tuple[str, str], Any]) -> Any:
    import altair as alt

    bars = []
    for of in ("prompt", "response"):
        values = {state: words[of, state] for state in ("accepted", "rejected")}
        top = max((float(np.quantile(some, 0.98)) for some in values.values() if len(some)), default=1.0) + 1
        for state, some in values.items():
            counts, edges = np.histogram(np.clip(some, 0, top), BINS, (0, top))
            share = counts / max(counts.sum(), 1)
            bars += [
                {
                    "of": f"words of a {of}",
                    "state": state,
                    "from": float(edges[i]),
                    "to": float(edges[i + 1]),
                    "share": float(share[i]),
                }
                for i in range(BINS)
                if counts[i]
            ]
    scale = alt.Scale(domain=["accepted", "rejected"], range=[KEPT, FELL])
    return (
        alt.Chart(alt.Data(values=bars))
        .mark_bar(opacity=0.55, stroke="currentColor", strokeOpacity=0.3)
        .encode(
            x=alt.X("from:Q", bin="binned", title="words"),
            x2="to:Q",
            y=alt.Y("share:Q", stack=None, title="share", axis=alt.Axis(format="%")),
            color=alt.Color("state:N", scale=scale),
        )
        .properties(width=(WIDTH - 160) / 2, height=200)
        .facet(alt.Facet("of:N"), columns=2)
        .resolve_scale(x="independent")
    )
