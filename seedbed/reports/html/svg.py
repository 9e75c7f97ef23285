"""Draws a chart as SVG that stands in a page beside others: no script, no links, the page's own text colour."""

import functools
import json
import re
from collections.abc import Iterator
from typing import Any

from programs.core.row import digest
from seedbed.reports.html.visible import visible

FONT = "Arial, Helvetica, Liberation Sans, sans-serif"  # vl-convert measures with the last but one, of equal widths
SIZE = 13  # of letters, in the units of the view box

_TEXT = {"labelColor": "currentColor", "titleColor": "currentColor", "labelFont": FONT, "titleFont": FONT}
_SIZES = {"labelFontSize": SIZE, "titleFontSize": SIZE, "titleFontWeight": "normal"}
_AXIS = {"domainColor": "currentColor", "tickColor": "currentColor", "gridColor": "currentColor", "gridOpacity": 0.15}
_CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": FONT,
    "view": {"stroke": None},
    "text": {"color": "currentColor", "fontSize": SIZE},
    "rule": {"color": "currentColor"},
    "axis": {**_TEXT, **_SIZES, **_AXIS, "labelLimit": 220, "labelPadding": 5, "titlePadding": 8},
    "header": {**_TEXT, **_SIZES, "labelLimit": 400},
    "legend": {
        **_TEXT,
        **_SIZES,
        "orient": "top",
        "title": None,
        "labelLimit": 260,
        "symbolSize": 130,
        "symbolOpacity": 1,
    },
    "title": {"color": "currentColor", "fontSize": SIZE, "fontWeight": "normal", "anchor": "start"},
}
_SVG = "{http://www.w3.org/2000/svg}"
_LOCAL = re.compile(r"url\(#([\w-]+)\)")
_DECIMALS = re.compile(r"-?\d+\.\d{3,}")
_ROUNDED = ("d", "transform", "x", "y", "x1", "x2", "y1", "y2", "width", "height")
_NEEDLESS = ("class", "font-family", "pointer-events")
_GUIDES = ("axis", "legend")  # which are no data
_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_NO_XML = re.compile("[\ufffe\uffff]")  # and controls, which `visible` marks
_PATTERNS = {
    "stripes": '<path d="M-2,2L2,-2M0,8L8,0M6,10L10,6" stroke="{0}" stroke-width="2.5"/>',
    "dots": '<circle cx="2" cy="2" r="1.6" fill="{0}"/><circle cx="6" cy="6" r="1.6" fill="{0}"/>',
    "cross": '<path d="M0,0L8,8M0,8L8,0" stroke="{0}" stroke-width="1.5"/>',
}
_PATTERN = (
    '<pattern xmlns="http://www.w3.org/2000/svg" id="{1}" width="8" height="8" patternUnits="userSpaceOnUse">'
    '<rect width="8" height="8" fill="{0}" fill-opacity="0.25"/>{2}</pattern>'
)


def svg(chart: Any) -> str:
    """The SVG of an Altair chart, the same bytes each time.

    Its ids begin with a digest of the chart, so that no two charts of a page share one. A screen reader says the
    chart's `description`, and every mark keeps its `aria-label`. Characters that XML cannot hold, at which vl-convert
    would end the process, become marks.
    """
    import vl_convert

    spec = _drawable(chart.to_dict())
    spec["config"] = _CONFIG
    name = f"f{digest(json.dumps(spec, sort_keys=True))[:8]}"
    return _trimmed(vl_convert.vegalite_to_svg(spec), name, spec.get("description", "chart"))


def _drawable(value: Any, key: str = "") -> Any:
    """A copy of JSON data whose texts vl-convert can draw. It fails where it shortens a text between the halves of a
    character beyond U+FFFF, so these become squares, except in the `label` of a mark, which is not drawn."""
    if isinstance(value, dict):
        return {name: _drawable(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_drawable(item, key) for item in value]
    if not isinstance(value, str):
        return value
    text = _NO_XML.sub("\ufffd", visible(value))
    return text if key == "label" else _BEYOND.sub("\u25a1", text)


def _trimmed(text: str, name: str, label: str) -> str:
    """The SVG with ids of its own, patterns drawn, and without what shows nothing: a third smaller."""
    from lxml import etree

    root = etree.fromstring(text.encode(), etree.XMLParser(huge_tree=True))
    for element in list(_invisible(root)):
        element.getparent().remove(element)
    ids = {element.get("id"): f"{name}-{number}" for number, element in enumerate(root.iter(f"{_SVG}clipPath"))}
    patterns = dict[str, str]()
    own = functools.partial(_own_id, name=name, ids=ids, patterns=patterns)
    for element in root.iter():
        if "stroke" not in element.attrib:
            element.attrib.pop("stroke-width", None)
        if element.get("opacity") == "1":
            del element.attrib["opacity"]
        for key, value in element.items():
            if key in _NEEDLESS or (key == "aria-roledescription" and value not in _GUIDES):
                del element.attrib[key]
            elif key in _ROUNDED:
                element.set(key, _DECIMALS.sub(_rounded, value))
            elif key == "id":
                element.set(key, ids[value])
            elif key in ("fill", "stroke", "clip-path"):
                element.set(key, _LOCAL.sub(own, value))
    definitions = root.find(f"{_SVG}defs")
    if definitions is None:
        definitions = etree.SubElement(root, f"{_SVG}defs")
    definitions.extend(etree.fromstring(pattern) for pattern in patterns.values())
    for key, value in {"role": "graphics-document", "aria-label": label, "font-family": FONT}.items():
        root.set(key, value)
    etree.cleanup_namespaces(root)
    return str(etree.tostring(root, encoding="unicode"))


def _invisible(root: Any) -> Iterator[Any]:
    """Vega's empty paths, and backgrounds of groups without a line or a fill."""
    for element in root.iter(f"{_SVG}path"):
        bare = element.get("class") == "background" and not element.get("stroke")
        if bare or element.get("d") == "" or element.get("display") == "none":
            yield element


def _own_id(match: re.Match[str], name: str, ids: dict[str, str], patterns: dict[str, str]) -> str:
    """The reference to a clip of this figure, or to a pattern, which is drawn if it is new."""
    if own := ids.get(match[1]):
        return f"url(#{own})"
    kind, colour = match[1].split("-")
    drawn, own = f"#{colour}", f"{name}-{match[1]}"
    patterns[match[1]] = _PATTERN.format(drawn, own, _PATTERNS[kind].format(drawn))
    return f"url(#{own})"


def _rounded(match: re.Match[str]) -> str:
    return f"{round(float(match[0]), 2):g}"
