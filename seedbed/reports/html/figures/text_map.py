"""A map of the texts: what lies near each other is alike, by t-SNE of their vectors."""

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seedbed.reports.html.figure import Figure, Table
from seedbed.reports.html.palette import BLUE, GREEN, VERMILION
from seedbed.reports.html.run_folder import RunFolder
from seedbed.reports.html.wording import counted, percent

ENOUGH = 20  # texts, below which there is nothing to arrange
PERPLEXITY = 30.0
HOVER = 160  # characters of a text
STATES = {"accepted": (GREEN, "circle"), "rejected": (VERMILION, "cross"), "seed": (BLUE, "diamond")}

Vectors = npt.NDArray[np.float32]


def text_map(run: RunFolder, *, texts: bool = True) -> Figure | None:
    """The figure; None if no vectors are recorded, as by an older Seedbed or in an unfinished run.

    `texts`: show a point's text beside its state.
    """
    if run.map is None or not run.map.num_rows:
        return None
    states = run.map["state"].to_pylist()
    vectors = np.stack(run.map["vector"].to_numpy(zero_copy_only=False)).astype(np.float32)
    lines = _table(states, vectors)
    if len(states) < ENOUGH:
        return Figure(f"{counted(len(states), 'text')} are too few for a map.", lines)
    shown = run.map["text"].to_pylist() if texts else [""] * len(states)
    return Figure(_caption(states, vectors), lines, _chart(arranged(vectors), states, shown))


def arranged(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Unit vectors (n, d) to places (n, 2), always the same: t-SNE (van der Maaten & Hinton 2008) from a PCA start, on
    one thread."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    perplexity = min(PERPLEXITY, (len(vectors) - 1) / 3)
    start = "pca" if min(vectors.shape) >= 2 else "random"
    with threadpool_limits(1):
        return TSNE(perplexity=perplexity, init=start, random_state=0, n_jobs=1).fit_transform(vectors).astype(float)


def _nearest(states: Sequence[str], vectors: Vectors, of: str, to: str) -> npt.NDArray[np.float32]:
    """Of each text of one state, the cosine of the nearest text of another."""
    flags = np.array(states)
    likeness: npt.NDArray[np.float32] = vectors[flags == of] @ vectors[flags == to].T
    return likeness.max(axis=1) if likeness.size else np.zeros(0, np.float32)


def _among(states: Sequence[str], vectors: Vectors) -> float | None:
    """The share of rejected texts whose nearest text of these two states is an accepted one; None without both."""
    own = np.array(states)
    if not {"accepted", "rejected"} <= set(states):
        return None
    rejected = vectors[own == "rejected"]
    alike = rejected @ rejected.T
    np.fill_diagonal(alike, -1.0)
    return float((_nearest(states, vectors, "rejected", "accepted") > alike.max(axis=1)).mean())


def _expected(states: Sequence[str]) -> float:
    """That share where both states lie mixed."""
    accepted, rejected = states.count("accepted"), states.count("rejected")
    return accepted / max(accepted + rejected - 1, 1)


def _caption(states: Sequence[str], vectors: Vectors) -> str:
    caption = f"{counted(len(states), 'text')}, similar ones close together."
    if (among := _among(states, vectors)) is not None:
        caption += (
            f" {percent(among)} of the rejected candidates have an accepted row as their nearest neighbour; if they "
            f"lay mixed, it would be {percent(_expected(states))}."
        )
    seeds = _nearest(states, vectors, "seed", "accepted")
    return caption + (
        f" The seed farthest from any accepted row has a cosine of {seeds.min():.2f}." if len(seeds) else ""
    )


def _table(states: Sequence[str], vectors: Vectors) -> Table:
    lines = [[state, f"{states.count(state):,}"] for state in STATES] + [["all", f"{len(states):,}"]]
    if (among := _among(states, vectors)) is not None:
        lines.append(["rejected with an accepted row as nearest neighbour", percent(among)])
        lines.append(["the same, if they lay mixed", percent(_expected(states))])
    if len(seeds := _nearest(states, vectors, "seed", "accepted")):
        lines.append(["cosine of the farthest seed with its nearest accepted row", f"{seeds.min():.2f}"])
    return Table(["texts", "number"], lines)


def _chart(places: npt.NDArray[np.float64], states: Sequence[str], texts: Sequence[str]) -> Any:
    import altair as alt

    points = [
        {
            "x": round(float(x), 2),
            "y": round(float(y), 2),
            "state": state,
            "label": f"{state}: {textwrap.shorten(text, HOVER, placeholder='...')}" if text else state,
        }
        for (x, y), state, text in zip(places, states, texts, strict=True)
    ]
    colours, shapes = zip(*STATES.values(), strict=True)
    bare = alt.Axis(labels=False, ticks=False, domain=False, grid=False)
    return (
        alt.Chart(alt.Data(values=points))
        .mark_point(filled=True, size=38, opacity=0.75)
        .encode(
            x=alt.X("x:Q", title=None, axis=bare),
            y=alt.Y("y:Q", title=None, axis=bare),
            color=alt.Color("state:N", scale=alt.Scale(domain=list(STATES), range=list(colours))),
            shape=alt.Shape("state:N", scale=alt.Scale(domain=list(STATES), range=list(shapes))),
            description="label:N",
        )
        .properties(description="Map of the texts", width=560, height=440)
    )
