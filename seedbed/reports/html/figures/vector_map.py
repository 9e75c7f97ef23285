"""What is odd or missing: the topics of rows, rejected candidates and seeds in two dimensions."""

from collections import Counter
from typing import Any

import numpy as np

from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.svg import FELL, KEPT, PLAIN, WIDTH

FEWEST, TEXT = 10, 90  # texts from which a map is drawn; characters of a text in its label
STATES = {"accepted": (KEPT, "circle"), "rejected": (FELL, "cross"), "seed": (PLAIN, "diamond")}


def vector_map(folder: RunFolder, *, texts: bool = True) -> Figure | None:
    """The texts by t-SNE (van der Maaten & Hinton 2008) from a PCA start and a fixed seed; `texts`: each is its mark's
    label. None if the run kept no vectors."""
    if folder.map is None:
        return None
    lines = folder.map.to_pylist()
    counts = Counter(line["state"] for line in lines)
    groups = {state: len({line["group"] for line in lines if line["state"] == state}) for state in STATES}
    table = Table(
        ["state", "texts", "groups"],
        [[state, f"{counts[state]}", f"{groups[state]}"] for state in STATES if counts[state]],
    )
    if len(lines) < FEWEST:
        return Figure(f"Only {len(lines)} texts: too few for a map.", table)
    vectors = np.array([line["vector"] for line in lines], dtype=np.float32)
    caption = (
        f"{counts['accepted']} rows, {counts['rejected']} rejected candidates and {counts['seed']} seeds by what they "
        f"ask about; near marks are alike, distances between clusters mean nothing. {_lonely(lines, vectors)}"
    )
    return Figure(caption, table, _chart(lines, _flat(vectors), texts=texts))


def _lonely(lines: list[dict[str, Any]], vectors: Any) -> str:
    """How many seeds have no row near them."""
    kinds = np.array([line["state"] for line in lines])
    seeds, rows = vectors[kinds == "seed"], vectors[kinds == "accepted"]
    if not len(seeds) or not len(rows):
        return ""
    far = int(((seeds @ rows.T).max(axis=1) < 0.5).sum())
    return f"{far} of {len(seeds)} seeds have no row with a cosine of 0.5 or more."


def _flat(vectors: Any) -> Any:
    """Two coordinates for each vector, the same each time."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    with threadpool_limits(1):  # on several threads sums come in another order
        return TSNE(init="pca", perplexity=perplexity, random_state=0).fit_transform(vectors)


def _chart(lines: list[dict[str, Any]], places: Any, *, texts: bool) -> Any:
    import altair as alt

    marks = [
        {
            "x": round(float(x), 2),
            "y": round(float(y), 2),
            "state": line["state"],
            "label": f"{line['state']}: {line['text'][:TEXT]}" if texts else line["state"],
        }
        for line, (x, y) in zip(lines, places, strict=True)
    ]
    hidden, names = alt.Axis(labels=False, ticks=False, domain=False, grid=False, title=None), list(STATES)
    return (
        alt.Chart(alt.Data(values=marks))
        .mark_point(filled=True, opacity=0.75, size=34)
        .encode(
            x=alt.X("x:Q", axis=hidden),
            y=alt.Y("y:Q", axis=hidden),
            color=alt.Color("state:N", scale=alt.Scale(domain=names, range=[STATES[name][0] for name in names])),
            shape=alt.Shape("state:N", scale=alt.Scale(domain=names, range=[STATES[name][1] for name in names])),
            description="label:N",
        )
        .properties(width=WIDTH - 40, height=460)
    )
