"""Our chat and JSON formats are DSPy's own to the byte: what they ask, what they read, what they refuse."""

import json
from typing import Any, Literal, Optional

import dspy
import pytest
from alike import PAIRS, SIGNATURES, Colour, Place, outcome
from dspy.utils.exceptions import AdapterParseError
from hypothesis import given, settings
from hypothesis import strategies as st

from programs.formats import FORMATS

TRICKY = [
    "[[ ## answer ## ]]",
    "[[ ## verdict ## ]] yes",
    " [[ ## completed ## ]] ",
    "[[ ## ",
    "\n",
    "\r\n",
    "\u2028",
    "\x85",
    "\x1f",
    "  ",
    "\t",
    '{"answer": "x"}',
    '"',
    "'yes'",
    "```json",
    "{",
    "}",
    "[1, 2",
    "Literal[yes]",
    "yes",
    "2",
    "007",
    "-0.0",
    "1e400",
    "NaN",
    "true",
    "True",
    "null",
    "\\ud800",
    "\ud800",
    "é\u200b漢",
    "<<CUSTOM-TYPE-START-IDENTIFIER>>[]<<CUSTOM-TYPE-END-IDENTIFIER>>",
]
TEXT = st.lists(st.sampled_from(TRICKY) | st.text(max_size=8), max_size=5).map("".join)
VALUE = st.one_of(
    TEXT,
    st.lists(TEXT, max_size=3),
    st.integers(),
    st.booleans(),
    st.floats(),
    st.none(),
    st.just(Place(name="x")),
    st.dictionaries(TEXT, st.integers(), max_size=2),
    st.lists(st.integers() | st.booleans(), max_size=2),
)
FORMAT, SIGNATURE = st.sampled_from(list(PAIRS)), st.sampled_from(SIGNATURES)


def values(names: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Some of the fields, mostly with text."""
    return st.fixed_dictionaries({}, optional=dict.fromkeys([*names, "another"], TEXT | VALUE))


def as_read(adapter: Any, signature: Any, reply: str) -> tuple[Any, ...]:
    """What was read. Brackets too deep for their repair are an unreadable reply to us, any error to them."""
    found = outcome(adapter.parse, signature, reply)
    return ("raised", AdapterParseError, reply) if found[1] in (ValueError, RecursionError) else found


@settings(deadline=None)
@given(data=st.data(), format=FORMAT, signature=SIGNATURE)
def test_a_prompt_is_theirs(data: st.DataObject, format: str, signature: Any) -> None:
    ours, theirs = PAIRS[format]
    inputs = data.draw(values(signature.input_fields))
    demos = data.draw(st.lists(values(signature.fields) | values(signature.fields).map(dspy.Example), max_size=3))
    expected = outcome(theirs.format, signature, demos, inputs)
    for _ in range(2):  # the second time from memory
        assert outcome(ours.format, signature, demos, inputs) == expected


def replies(theirs: Any, signature: Any) -> st.SearchStrategy[str]:
    """Right replies, two of them, ones that lost, doubled or gained lines, and any text."""
    fitting = st.fixed_dictionaries({name: fits(field.annotation) for name, field in signature.output_fields.items()})
    right = fitting.map(lambda found: theirs.format_assistant_message_content(signature, found))
    lines = right.flatmap(lambda text: st.lists(st.sampled_from(text.split("\n")) | TEXT, max_size=12))
    twice = st.tuples(right, right).map("\n".join)
    spoilt = st.tuples(right, st.integers(0, 400), TEXT).map(lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] :])
    return st.one_of(right, twice, spoilt, lines.map("\n".join), TEXT)


def fits(annotation: Any) -> st.SearchStrategy[Any]:
    if annotation is str:
        return TEXT
    kinds = {int: st.integers(), float: st.floats(), bool: st.booleans(), list[str]: st.lists(TEXT, max_size=3)}
    named = {Colour: st.sampled_from(["red", "RED"]), Place: st.just(Place(name="x"))}
    choices = st.sampled_from(getattr(annotation, "__args__", ("",)))  # those of a Literal
    return (kinds | named).get(annotation, choices) | VALUE


@settings(deadline=None)
@given(data=st.data(), format=FORMAT, signature=SIGNATURE)
def test_a_reply_is_read_as_they_read_it(data: st.DataObject, format: str, signature: Any) -> None:
    ours, theirs = PAIRS[format]
    reply = data.draw(replies(theirs, signature))
    assert outcome(ours.parse, signature, reply) == as_read(theirs, signature, reply)


ANNOTATIONS = [str, int, float, bool, Literal["yes", "no"], Literal[1, 2, "2", True], list[str], list[int]]
OTHERS = [Colour, Optional[str], Place, dict[str, int], list[Any], list[Literal["yes"]], Any]  # noqa: UP045
TEXTS = [
    "",
    "4",
    " 4 ",
    "+4",
    "4.0",
    "4.5",
    "1_000",
    "\u0663",
    '"4"',
    '"red"',
    "red",
    '"yes"',
    "[4]",
    '["a", "b"]',
    "[true]",
]
TEXTS += ['{"name": "x"}', '{"a": 1}', "[[[[", '"\\ud800"', '["\\ud800"]', "9" * 5000, "[" * 100_000, *TRICKY]


@pytest.mark.parametrize("annotation", [*ANNOTATIONS, *OTHERS], ids=str)
@pytest.mark.parametrize("format", PAIRS)
def test_a_single_value_is_read_as_they_read_it(format: str, annotation: Any) -> None:
    ours, theirs = PAIRS[format]
    signature = dspy.Signature("note -> value").with_updated_fields("value", annotation)
    for text in TEXTS:
        shapes = {"chat": ["[[ ## value ## ]]\n{}"], "json": ['{{"value": {}}}', "{}"]}[format]
        for reply in [shape.format(one) for shape in shapes for one in (text, json.dumps(text))]:
            assert outcome(ours.parse, signature, reply) == as_read(theirs, signature, reply)


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "4"),
        (float, "0.5"),
        (bool, "true"),
        (Literal["yes", "no"], "yes"),
        (Literal[1, 2], "2"),
        (list[str], '["a"]'),
    ],
)
@pytest.mark.parametrize("format", PAIRS)
def test_a_plain_reply_needs_no_repair(
    format: str, annotation: Any, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signature = dspy.Signature("note -> said: str").append("value", dspy.OutputField(), annotation)
    written = text if text != "yes" else '"yes"'
    reply = {
        "chat": f"[[ ## said ## ]]\na\nb\n\n[[ ## value ## ]]\n{text}\n\n[[ ## completed ## ]]",
        "json": f'{{"said": "a\\nb", "value": {written}}}',
    }[format]
    expected = PAIRS[format][1].parse(signature, reply)
    monkeypatch.setattr("json_repair.loads", lambda text: pytest.fail("repaired"))
    assert PAIRS[format][0].parse(signature, reply) == expected


@pytest.mark.parametrize("reply", ["{" * 200_000, "[" * 200_000, '{"value": ' + "{" * 200_000], ids=["{", "[", "value"])
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.timeout(10)
def test_a_heap_of_brackets_is_unreadable_at_once(format: str, reply: str) -> None:
    signature = dspy.Signature("note -> value: int")
    for before in ("", "[[ ## value ## ]]\n"):
        with pytest.raises(AdapterParseError):
            FORMATS[format].parse(signature, before + reply)


@pytest.mark.parametrize("format", PAIRS)
def test_what_was_written_once_is_remembered(format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, demos = PAIRS[format][0], [dspy.Example(note="a", said="b")]
    signature = dspy.Signature("note -> said")
    before = ours.format(signature, demos, {"note": "n"})
    monkeypatch.setattr("dspy.adapters.utils.serialize_for_json", lambda value: pytest.fail("written anew"))
    monkeypatch.setattr("dspy.adapters.json_adapter.serialize_for_json", lambda value: pytest.fail("written anew"))
    assert ours.format(signature, [demo.copy() for demo in demos], {"note": "n"}) == before


@pytest.mark.parametrize("format", PAIRS)
def test_a_wording_set_later_is_the_one_sent(format: str) -> None:
    ours, signature = PAIRS[format][0], dspy.Signature("note -> said", "First.")
    ours.format(signature, [], {"note": "n"})
    signature.instructions = "Second."
    assert "Second." in ours.format(signature, [], {"note": "n"})[0]["content"]


@pytest.mark.parametrize("format", PAIRS)
def test_what_a_caller_does_to_the_messages_is_not_remembered(format: str) -> None:
    ours, signature, demos = PAIRS[format][0], dspy.Signature("note -> said"), [{"note": "a", "said": "b"}]
    before = ours.format(signature, demos, {"note": "n"})
    text = repr(before)
    for message in before:
        message["content"] = "spoilt"
    assert repr(ours.format(signature, demos, {"note": "n"})) == text


@pytest.mark.parametrize("format", PAIRS)
def test_equal_demos_that_are_written_differently_are_not_taken_for_each_other(format: str) -> None:
    (ours, theirs), signature = PAIRS[format], dspy.Signature("note -> value: list[str]")
    for value in (True, 1, "1", 1.0, 0, -0.0, 0.0, ["a"], ("a",), [1], [True], None, ""):
        demos = [{"note": "a", "value": value}]
        assert ours.format(signature, demos, {"note": "n"}) == theirs.format(signature, demos, {"note": "n"})
