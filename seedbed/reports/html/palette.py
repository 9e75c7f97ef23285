"""Colours and patterns of the figures, which tell states apart also without colour.

The colours are those of Okabe and Ito (2008, "Color Universal Design"), which people with any colour vision can tell
apart; each stands out on white and on black.
"""

from collections.abc import Mapping
from typing import Any

GREEN, ORANGE, VERMILION, BLUE = "#009E73", "#E69F00", "#D55E00", "#0072B2"
SKY, PURPLE, GREY = "#56B4E9", "#CC79A7", "#999999"

ACCEPTED, LOW_SCORE, VETOED = "accepted", "low score", "dropped by a check"


def stripes(colour: str) -> str:
    """A fill of oblique stripes; `svg_of` draws it."""
    return f"url(#stripes-{colour[1:]})"


def dots(colour: str) -> str:
    """A fill of dots; `svg_of` draws it."""
    return f"url(#dots-{colour[1:]})"


def cross(colour: str) -> str:
    """A fill of crossed stripes; `svg_of` draws it."""
    return f"url(#cross-{colour[1:]})"


STATES: Mapping[str, str] = {ACCEPTED: GREEN, LOW_SCORE: stripes(ORANGE), VETOED: dots(VERMILION)}
SERIES = (BLUE, stripes(ORANGE), dots(GREEN), cross(PURPLE), SKY, stripes(VERMILION), dots(BLUE), cross(GREEN))
"""Fills of categories without a meaning of their own, each with its own colour and pattern."""


TAIL = "length(datum.label) > 34 ? '…' + slice(datum.label, -33) : datum.label"
"""The label of a document on an axis: the end of its path, which tells it from others."""


def scale(fills: Mapping[str, str]) -> Any:
    """An Altair scale with a fill for each name."""
    import altair as alt

    return alt.Scale(domain=list(fills), range=list(fills.values()))
