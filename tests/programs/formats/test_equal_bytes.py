"""Our chat and JSON formats ask as DSPy's own do, to the byte, and read what those write."""

from typing import Any, Literal, Optional

import dspy
import pytest
from dspy.utils.exceptions import AdapterParseError
from hypothesis import given
from hypothesis import strategies as st
from support.alike import PAIRS, SIGNATURES, Colour, Place, outcome
from support.reading import SEEKING

from programs.formats.formats import FORMATS

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


@given(data=st.data(), format=FORMAT, signature=SIGNATURE)
def test_a_prompt_is_theirs(data: st.DataObject, format: str, signature: Any) -> None:
    ours, theirs = PAIRS[format]
    inputs = data.draw(values(signature.input_fields))
    demos = data.draw(st.lists(values(signature.fields) | values(signature.fields).map(dspy.Example), max_size=3))
    expected = outcome(theirs.format, signature, demos, inputs)
    for _ in range(2):  # the second time from memory
        assert outcome(ours.format, signature, demos, inputs) == expected


PLAIN = st.text(alphabet="abc é漢.,?()1-'", min_size=1, max_size=20).map(lambda text: f"x{text}y")


def fits(annotation: Any) -> st.SearchStrategy[Any]:
    kinds: dict[Any, st.SearchStrategy[Any]] = {
        str: PLAIN,
        int: st.integers(),
        float: st.floats(allow_nan=False, allow_infinity=False),
        bool: st.booleans(),
        list[str]: st.lists(PLAIN, max_size=3),
        list[int]: st.lists(st.integers(), max_size=3),
        Colour: st.sampled_from(["red", "blue"]),
        Place: st.just(Place(name="x")),
        dict[str, int]: st.dictionaries(PLAIN, st.integers(), max_size=2),
        Optional[str]: PLAIN,  # noqa: UP045
    }
    return kinds[annotation] if annotation in kinds else st.sampled_from(annotation.__args__[:2])


@given(data=st.data(), format=FORMAT, signature=SIGNATURE)
def test_what_they_write_is_read_as_they_read_it(data: st.DataObject, format: str, signature: Any) -> None:
    ours, theirs = PAIRS[format]
    fitting = {name: fits(field.annotation) for name, field in signature.output_fields.items()}
    reply = theirs.format_assistant_message_content(signature, data.draw(st.fixed_dictionaries(fitting)))
    assert outcome(ours.parse, signature, reply) == outcome(theirs.parse, signature, reply)


@given(reply=TEXT, format=st.sampled_from([*FORMATS]), annotation=st.sampled_from([str, int, bool, list[str], Any]))
def test_a_reply_of_anything_is_read_or_unreadable(reply: str, format: str, annotation: Any) -> None:
    signature = dspy.Signature("note -> value").with_updated_fields("value", annotation)
    kind, error, *_ = outcome(FORMATS[format].parse, signature, reply)
    assert kind == "gave" or error is AdapterParseError


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
    value = text if text != "yes" else '"yes"'
    reply = {
        "chat": f"[[ ## said ## ]]\na\nb\n\n[[ ## value ## ]]\n{text}\n\n[[ ## completed ## ]]",
        "json": f'{{"said": "a\\nb", "value": {value}}}',
    }[format]
    expected = PAIRS[format][1].parse(signature, reply)
    monkeypatch.setattr("json_repair.loads", lambda text: pytest.fail("repaired"))
    assert PAIRS[format][0].parse(signature, reply) == expected


@pytest.mark.parametrize("reply", ["{" * 200_000, "[" * 200_000, '{"value": ' + "{" * 200_000], ids=["{", "[", "value"])
@pytest.mark.parametrize("format", SEEKING)
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
