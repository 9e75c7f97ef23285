"""Finds the fields of a reply: after DSPy's markers, in a JSON object, in tags, after labels, or bare."""

import functools
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_origin

from programs.formats.notation import decoded, unique

TRIED = 2_000  # braces that are tried as the beginning of an object
# Runs of blanks match possessively (`*+`), because a model that falls into them writes thousands.
_MARKER = re.compile(
    r"(?:(?<!\S)(?:\*\*|__|`))?\[\[\s*+##\s*+(\w++(?: ++\w++)*+)\s*+:?+\s*+##\s*+\]\](?:(?:\*\*|__|`)(?=\s|\Z))?"
)
_LINE = re.compile(r"(?:\A|\n|\]\](?:\*\*|`)?)[^\S\n]*\Z")  # a field begins a line, or follows another marker
_TORN = re.compile(r"(?<!\s)\s*+\[\[\s*+##[^\[\]\n]*+\]?+\s*+\Z")  # an unfinished marker at the end
_FENCE = re.compile(
    r"\A```[^\S\n]*+(?:json|text|txt|plaintext|markdown|md)?+[^\S\n]*+\n(.*?)```?\Z", re.DOTALL | re.IGNORECASE
)
_FOREIGN = re.compile(r"^[^\S\n]*(?:question|answer|input|output|verdict|grade)[^\S\n]*:", re.IGNORECASE | re.MULTILINE)
_NUMBERED = re.compile(r"\s*(?:\d+[.)]|[-*\u2022])\s")


class Section(NamedTuple):
    """The text of a field in a reply, or its JSON value if `is_json`. `ended`: something follows, so no more text can
    belong to it."""

    value: Any
    ended: bool
    is_json: bool = False


Sections = dict[str, list[Section]]
"""Field -> its sections, in the order of the reply."""


def label(name: str) -> str:
    """A field's name as a prompt shows it: `answer_text` -> `Answer text`."""
    return name.replace("_", " ").capitalize()


def structured(reply: str, names: Iterable[str]) -> Sections | None:
    """The sections of a reply that marks its fields; None for a reply that does not. Raises ValueError where the marks
    contradict each other."""
    text, names = unfenced(reply), tuple(names)
    if text.startswith(("{", "[{")) and (sections := _object(text, names)):
        return sections
    if _MARKER.search(text):
        return _marked(text, names)
    return _object(text, names) or _tagged(text, names)


def unfenced(reply: str) -> str:
    """The reply without a fence around all of it."""
    text = reply.strip()
    fenced = _FENCE.match(text)
    return fenced[1].strip() if fenced and "```" not in fenced[1] else text


def _marked(text: str, names: tuple[str, ...]) -> Sections:
    by_key = {name.lower(): name for name in names}
    first = next((mark for mark in _MARKER.finditer(text) if mark[1].lower().replace(" ", "_") in by_key), None)
    if first and not _LINE.search(text, 0, first.start()):
        raise ValueError("a marker that is only spoken of")
    if first and _is_of_another(text, first):
        raise ValueError("a reply before the beginning of another example")
    sections: Sections = {}
    for mark, following in itertools.pairwise([*_MARKER.finditer(text), None]):
        assert mark
        key = mark[1].lower().replace(" ", "_")
        if key == "completed" and key not in by_key:
            break
        if key in by_key:
            value = text[mark.end() : following.start()] if following else _TORN.sub("", text[mark.end() :])
            sections.setdefault(by_key[key], []).append(Section(value.strip(), following is not None))
    return sections


def _is_of_another(text: str, first: re.Match[str]) -> bool:
    """Whether a bare reply comes first, and then an example that the model invented: before the first field there is
    another field's marker, and text before that which announces nothing."""
    foremost = _MARKER.search(text)
    lead = text[: foremost.start()].rstrip() if foremost and foremost.start() < first.start() else ""
    return bool(lead) and not lead.endswith((":", "\uff1a"))


def _object(text: str, names: tuple[str, ...]) -> Sections | None:
    """The fields of the object that has all of them. Raises ValueError where two objects differ."""
    fitting = list[dict[str, Any]]()
    for value in _values(text):
        if (fields := _fields(value, names)) is not None and fields not in fitting:
            fitting.append(fields)
    if len(fitting) > 1:
        raise ValueError("two objects with other values")
    return {name: [Section(value, True, True)] for name, value in fitting[0].items()} if fitting else None


def _fields(value: Any, names: tuple[str, ...]) -> dict[str, Any] | None:
    """The fields of an object, whose keys may be labels; None where a field is missing."""
    if type(value) is list and len(value) == 1:
        (value,) = value
    if type(value) is not dict:
        return None
    by_name = {key.strip().lower().replace(" ", "_"): key for key in value if type(key) is str}
    keys = {name: name if name in value else by_name.get(name.lower()) for name in names}
    return None if None in keys.values() else {name: value[key] for name, key in keys.items()}


def _values(text: str) -> Iterator[Any]:
    """The value of the whole text, else each complete object in it."""
    try:
        yield decoded(text)
        return
    except ValueError:
        pass
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=unique)
    start = text.find("{")
    for _ in range(TRIED):
        if start < 0:
            return
        try:
            value, end = decoder.raw_decode(text, start)
            yield value
        except (ValueError, RecursionError):
            end = start + 1
        start = text.find("{", end)


def _tagged(text: str, names: tuple[str, ...]) -> Sections | None:
    sections = {name: [Section(value.strip(), True) for value in _between_tags(text, name)] for name in names}
    return sections if all(sections.values()) else None


def _between_tags(text: str, name: str) -> Iterator[str]:
    """Each text between an opening tag and the next closing tag."""
    start = None
    for tag in re.finditer(rf"<(/?){name}>", text, re.IGNORECASE):
        if not tag[1]:
            start = start or tag
        elif start:
            yield text[start.end() : tag.start()]
            start = None


@functools.lru_cache(maxsize=256)
def _labels(outputs: tuple[str, ...], inputs: tuple[str, ...]) -> tuple[re.Pattern[str], Mapping[str, str | None]]:
    """A pattern of labels at the start of a line, and label -> output field; None for the label of an input."""
    by_label = {form.lower(): None for name in inputs for form in (label(name), name)}
    by_label |= {form.lower(): name for name in outputs for form in (label(name), name)}  # type: ignore[misc]
    forms = "|".join(re.escape(form) for form in sorted(by_label, key=len, reverse=True))
    line = rf"(?:[-*>#]+[^\S\n]+)?(\*\*|__|`)?(?P<label>{forms})(?:\1)?[^\S\n]*[:\uff1a](?(1)(?:\1)?)"
    heading = rf"(?:#+[^\S\n]*(?:\*\*)?|\*\*)(?P<heading>{forms})(?:\*\*)?[^\S\n]*$"
    return re.compile(rf"^[^\S\n]*(?:{line}|{heading})", re.IGNORECASE | re.MULTILINE), by_label


def _labelled(reply: str, outputs: tuple[str, ...], inputs: tuple[str, ...]) -> Sections:
    """The sections of a reply in `Label: value` lines. Text before any label belongs to the first field. An input's
    label ends a section, because it begins another example."""
    pattern, by_label = _labels(outputs, inputs)
    text = unfenced(reply) + ("\n\n" if reply.rstrip(" ").endswith("\n\n") else "")
    cuts = [*pattern.finditer(text)]
    lead = text[: cuts[0].start() if cuts else None]
    sections: Sections = (
        {outputs[0]: [Section(lead, bool(cuts))]} if lead.strip() and not _announces(lead, cuts) else {}
    )
    for cut, following in itertools.pairwise([*cuts, None]):
        assert cut
        if name := by_label[(cut["label"] or cut["heading"]).lower()]:
            value = text[cut.end() : following.start() if following else None]
            sections.setdefault(name, []).append(Section(value, following is not None))
        elif set(sections) == set(outputs):
            break
    return sections


def _announces(lead: str, cuts: list[re.Match[str]]) -> bool:
    """Whether the text before the first label only announces the fields."""
    return bool(cuts) and lead.rstrip().endswith((":", "\uff1a"))


def is_labelled(reply: str, name: str) -> bool:
    """Whether a line of a reply begins with the field's label."""
    return bool(_labels((name,), ())[0].search(reply))


def paragraphs(signature: Any, reply: str) -> Sections:
    """The sections of `Label: value` lines, each up to its first blank line; a decision has all its text."""
    outputs = signature.output_fields
    sections = _labelled(reply, (*outputs,), (*signature.input_fields,))
    first = next(iter(outputs))
    starts_bare = not _labels((*outputs,), ())[0].match(unfenced(reply))
    if (
        outputs[first].annotation is str
        and starts_bare
        and len({section.value.strip() for section in sections.get(first, [])}) > 1
    ):
        raise ValueError("a text before its label and another behind it")
    return {
        name: [_paragraph(section, get_origin(outputs[name].annotation)) for section in parts]
        for name, parts in sections.items()
    }


def _paragraph(section: Section, kind: Any) -> Section:
    """The first paragraph, after an announcement if any; of a list all, because blank lines may separate its items."""
    text = section.value.strip()
    if kind is Literal or (kind is list and any(map(_NUMBERED.match, text.splitlines()))):
        return Section(text, section.ended)
    first, blank, rest = section.value.lstrip().partition("\n\n")
    if _FOREIGN.search(first):
        raise ValueError("a label that nobody asked for")
    if first.rstrip().endswith((":", "\uff1a")) and rest.strip():
        first, blank, rest = rest.lstrip().partition("\n\n")
    return Section(first.strip(), section.ended or bool(blank))
