"""Where the fields of a reply stand: behind DSPy's markers, in a JSON object, in tags, behind labels, or bare."""

import functools
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, get_origin

from programs.formats.notation import decoded, unique

TRIED = 2_000  # braces at which an object may begin
# Runs of blanks are taken whole and never given back (`*+`): a model that falls into them writes thousands.
_MARKER = re.compile(
    r"(?:(?<!\S)(?:\*\*|__|`))?\[\[\s*+##\s*+(\w++(?: ++\w++)*+)\s*+:?+\s*+##\s*+\]\](?:(?:\*\*|__|`)(?=\s|\Z))?"
)
_LINE = re.compile(r"(?:\A|\n|\]\](?:\*\*|`)?)[^\S\n]*\Z")  # a field begins a line, or follows another's marker
_TORN = re.compile(r"(?<!\s)\s*+\[\[\s*+##[^\[\]\n]*+\]?+\s*+\Z")  # a last marker that was not written to its end
_FENCE = re.compile(
    r"\A```[^\S\n]*+(?:json|text|txt|plaintext|markdown|md)?+[^\S\n]*+\n(.*?)```?\Z", re.DOTALL | re.IGNORECASE
)
_FOREIGN = re.compile(r"^[^\S\n]*(?:question|answer|input|output|verdict|grade)[^\S\n]*:", re.IGNORECASE | re.MULTILINE)
_NUMBERED = re.compile(r"\s*(?:\d+[.)]|[-*\u2022])\s")


class Section(NamedTuple):
    """What a reply says of a field: text, or a JSON value where `is_json`. `ended` where something follows, so that no
    more text could belong to it."""

    value: Any
    ended: bool
    is_json: bool = False


Sections = dict[str, list[Section]]
"""By field, in the order of the reply."""


def label(name: str) -> str:
    """A field's name as a prompt shows it: `answer_text` -> `Answer text`."""
    return name.replace("_", " ").capitalize()


def structured(reply: str, names: Iterable[str]) -> Sections | None:
    """The sections of a reply that says itself where its fields stand; None for one that does not. Raises ValueError
    where it says so in two ways."""
    text, names = unfenced(reply), tuple(names)
    if text.startswith(("{", "[{")) and (sections := _object(text, names)):
        return sections
    if _MARKER.search(text):
        return _marked(text, names)
    return _object(text, names) or _tagged(text, names)


def unfenced(reply: str) -> str:
    """A reply without the fence that stands around all of it."""
    text = reply.strip()
    fenced = _FENCE.match(text)
    return fenced[1].strip() if fenced and "```" not in fenced[1] else text


def _marked(text: str, names: tuple[str, ...]) -> Sections:
    known = {name.lower(): name for name in names}
    first = next((mark for mark in _MARKER.finditer(text) if mark[1].lower().replace(" ", "_") in known), None)
    if first and not _LINE.search(text, 0, first.start()):
        raise ValueError("a marker that is only spoken of")
    if first and _is_of_another(text, first):
        raise ValueError("a reply before the beginning of another example")
    sections: Sections = {}
    for mark, following in itertools.pairwise([*_MARKER.finditer(text), None]):
        assert mark
        name = mark[1].lower().replace(" ", "_")
        if name == "completed" and name not in known:
            break
        if name in known:
            said = text[mark.end() : following.start()] if following else _TORN.sub("", text[mark.end() :])
            sections.setdefault(known[name], []).append(Section(said.strip(), following is not None))
    return sections


def _is_of_another(text: str, first: re.Match[str]) -> bool:
    """Whether the first field stands behind another field's marker that itself has text before it, which announces
    nothing: a bare reply, and then an example that the model made up."""
    foremost = _MARKER.search(text)
    lead = text[: foremost.start()].rstrip() if foremost and foremost.start() < first.start() else ""
    return bool(lead) and not lead.endswith((":", "\uff1a"))


def _object(text: str, names: tuple[str, ...]) -> Sections | None:
    """The one object that has all the fields."""
    fitting = list[dict[str, Any]]()
    for value in _values(text):
        if (fields := _fields(value, names)) is not None and fields not in fitting:
            fitting.append(fields)
    if len(fitting) > 1:
        raise ValueError("two objects with other values")
    return {name: [Section(value, True, True)] for name, value in fitting[0].items()} if fitting else None


def _fields(value: Any, names: tuple[str, ...]) -> dict[str, Any] | None:
    """The fields of an object, also where its keys are written as labels; None where one is missing."""
    if type(value) is list and len(value) == 1:
        (value,) = value
    if type(value) is not dict:
        return None
    by_name = {key.strip().lower().replace(" ", "_"): key for key in value if type(key) is str}
    keys = {name: name if name in value else by_name.get(name.lower()) for name in names}
    return None if None in keys.values() else {name: value[key] for name, key in keys.items()}


def _values(text: str) -> Iterator[Any]:
    """The objects in a text: it as a whole, else each that is whole."""
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
    found = {name: [Section(said.strip(), True) for said in _between_tags(text, name)] for name in names}
    return found if all(found.values()) else None


def _between_tags(text: str, name: str) -> Iterator[str]:
    """What stands between an opening tag and the next closing one."""
    opened = None
    for tag in re.finditer(rf"<(/?){name}>", text, re.IGNORECASE):
        if not tag[1]:
            opened = opened or tag
        elif opened:
            yield text[opened.end() : tag.start()]
            opened = None


@functools.lru_cache(maxsize=256)
def _labels(outputs: tuple[str, ...], inputs: tuple[str, ...]) -> tuple[re.Pattern[str], Mapping[str, str | None]]:
    """A label at the start of a line, and the output field it stands for; None for an input's."""
    by_label = {form.lower(): None for name in inputs for form in (label(name), name)}
    by_label |= {form.lower(): name for name in outputs for form in (label(name), name)}  # type: ignore[misc]
    forms = "|".join(re.escape(form) for form in sorted(by_label, key=len, reverse=True))
    line = rf"(?:[-*>#]+[^\S\n]+)?(\*\*|__|`)?(?P<label>{forms})(?:\1)?[^\S\n]*[:\uff1a](?(1)(?:\1)?)"
    heading = rf"(?:#+[^\S\n]*(?:\*\*)?|\*\*)(?P<heading>{forms})(?:\*\*)?[^\S\n]*$"
    return re.compile(rf"^[^\S\n]*(?:{line}|{heading})", re.IGNORECASE | re.MULTILINE), by_label


def _labelled(reply: str, outputs: tuple[str, ...], inputs: tuple[str, ...]) -> Sections:
    """The sections of a reply in `Label: value` lines. What stands before any label is the first field's; an input's
    label ends a section, as the beginning of another example."""
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
            said = text[cut.end() : following.start() if following else None]
            sections.setdefault(name, []).append(Section(said, following is not None))
        elif set(sections) == set(outputs):
            break
    return sections


def _announces(lead: str, cuts: list[re.Match[str]]) -> bool:
    """Whether what stands before the first label only says that the fields follow."""
    return bool(cuts) and lead.rstrip().endswith((":", "\uff1a"))


def is_labelled(reply: str, name: str) -> bool:
    """Whether a line of a reply begins with the field's label."""
    return bool(_labels((name,), ())[0].search(reply))


def paragraphs(signature: Any, reply: str) -> Sections:
    """The sections of `Label: value` lines, each up to its first blank line; of a decision all that is said."""
    outputs = signature.output_fields
    sections = _labelled(reply, (*outputs,), (*signature.input_fields,))
    first = next(iter(outputs))
    starts_bare = not _labels((*outputs,), ())[0].match(unfenced(reply))
    if (
        outputs[first].annotation is str
        and starts_bare
        and len({told.value.strip() for told in sections.get(first, [])}) > 1
    ):
        raise ValueError("a text before its label and another behind it")
    return {
        name: [_paragraph(section, get_origin(outputs[name].annotation)) for section in told]
        for name, told in sections.items()
    }


def _paragraph(section: Section, kind: Any) -> Section:
    """The first paragraph behind an announcement; of a list all, for a blank line may stand between its items."""
    text = section.value.strip()
    if kind is Literal or (kind is list and any(map(_NUMBERED.match, text.splitlines()))):
        return Section(text, section.ended)
    first, blank, rest = section.value.lstrip().partition("\n\n")
    if _FOREIGN.search(first):
        raise ValueError("a label that nobody asked for")
    if first.rstrip().endswith((":", "\uff1a")) and rest.strip():
        first, blank, rest = rest.lstrip().partition("\n\n")
    return Section(first.strip(), section.ended or bool(blank))
