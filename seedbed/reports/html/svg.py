"""Charts as SVG that stands in the page itself: no script, no font file, colours of the page around it.

Every colour of text and axes is `currentColor`, so that a chart reads in light and dark. Data colours are those of
Okabe and Ito (2008), which people with any kind of colour vision tell apart; states differ in shape too.
"""

import re
from typing import Any

from seedbed.terminal import marked

KEPT, LOW, FELL, PLAIN, OTHER, MUTED = "#009E73", "#E69F00", "#D55E00", "#0072B2", "#CC79A7", "#8a8a8a"
WIDTH = 820  # of a chart, in pixels; the page scales it down

_AXIS = {
    "domainColor": "currentColor",
    "domainOpacity": 0.4,
    "tickColor": "currentColor",
    "tickOpacity": 0.4,
    "gridColor": "currentColor",
    "gridOpacity": 0.12,
    "labelColor": "currentColor",
    "titleColor": "currentColor",
    "labelFontSize": 12,
    "titleFontSize": 12,
    "titleFontWeight": "normal",
    "labelLimit": 260,
}
_THEME = {
    "background": "transparent",
    "padding": {"left": 26, "right": 12, "top": 6, "bottom": 6},  # page and drawing measure text with other fonts
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": _AXIS,
    "legend": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "labelFontSize": 12,
        "orient": "top",
        "title": None,
        "symbolStrokeWidth": 2,
    },
    "header": {"labelColor": "currentColor", "titleColor": "currentColor", "labelFontSize": 12, "title": None},
    "text": {"color": "currentColor", "fontSize": 12},
    "rule": {"color": "currentColor"},
}
_SIZE = re.compile(r'(<svg[^>]*?) width="([\d.]+)" height="[\d.]+"')


def short(name: str, most: int = 40) -> str:
    """A name that fits beside an axis: the end of a path, or the beginning of a text."""
    if len(name) <= most:
        return name
    return f"…{name[1 - most :]}" if " " not in name else f"{name[: most - 1]}…"


def _printable(value: Any) -> Any:
    """The value with a mark for each control character in its texts: one would abort the process in vl-convert."""
    if isinstance(value, str):
        return marked(value)
    if isinstance(value, list):
        return [_printable(item) for item in value]
    return {name: _printable(item) for name, item in value.items()} if isinstance(value, dict) else value


def svg(chart: Any, name: str) -> str:
    """The SVG of an Altair chart, the same bytes for the same chart. `name` makes its ids unique in the page."""
    import vl_convert

    spec = _printable(chart.to_dict()) | {"config": _THEME}
    drawn = vl_convert.vegalite_to_svg(spec)
    drawn = _SIZE.sub(r'\1 style="max-width:\2px"', drawn, count=1)
    drawn = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', drawn)
    return re.sub(r'url\(["#]*#?([^)"]+)"?\)', rf"url(#{name}-\1)", drawn)
