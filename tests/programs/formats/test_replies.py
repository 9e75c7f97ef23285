"""A right reply in any disguise is read or refused, and never read as something else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import disguises
from support.reading import MADE, SEEKING, read, written

pytestmark = pytest.mark.slow

POINTS = st.lists(disguises.TEXT, min_size=2, max_size=4)
VALUES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "text": st.fixed_dictionaries({"answer": disguises.TEXT}),
    "reasons": st.fixed_dictionaries({"answer": disguises.TEXT, "verdict": st.just("yes")}),
    "list": st.fixed_dictionaries({"points": POINTS}),
    "grade": st.fixed_dictionaries({"grade": st.sampled_from([2, 3])}),
    "verdict": st.fixed_dictionaries({"verdict": st.just("yes")}),
}
FORMAT = st.sampled_from(SEEKING)


def forms(kind: str) -> st.SearchStrategy[str]:
    return st.sampled_from([name for name in SEEKING if name != "plain" or kind != "reasons"])


@settings(max_examples=600)
@given(data=st.data(), kind=st.sampled_from([*MADE]))
def test_a_disguised_reply_is_read_or_refused(data: st.DataObject, kind: str) -> None:
    fields, form = data.draw(VALUES[kind]), data.draw(forms(kind))
    shown = dict(fields)
    for name in {"verdict", "grade"} & fields.keys():
        shown[name] = data.draw(st.just(fields[name]) | disguises.decided(fields[name]))
    shape = data.draw(st.sampled_from([disguises.marked, disguises.as_object, disguises.labelled]))
    reply = data.draw(shape(shown))
    reply = data.draw(st.just(reply) | disguises.thoughtful(reply))
    assert read(form, kind, reply) in (None, fields), repr(reply)


@settings(max_examples=200)
@given(data=st.data(), kind=st.sampled_from(["text", "verdict", "grade"]))
def test_a_bare_reply_behind_thoughts_is_read_or_refused(data: st.DataObject, kind: str) -> None:
    fields, form = data.draw(VALUES[kind]), data.draw(st.sampled_from(["compact", "plain"]))
    (value,) = fields.values()
    reply = value if kind == "text" else data.draw(disguises.decided(value))
    assert read(form, kind, data.draw(disguises.thoughtful(reply))) in (None, fields)


@settings(max_examples=200)
@given(data=st.data(), kind=st.sampled_from([*MADE]))
def test_a_thought_without_an_end_is_no_reply(data: st.DataObject, kind: str) -> None:
    fields, form = data.draw(VALUES[kind]), data.draw(forms(kind))
    reply = data.draw(st.sampled_from([disguises.marked, disguises.as_object, disguises.labelled]))(fields)
    assert read(form, kind, data.draw(disguises.endless(data.draw(reply)))) in (None, fields)


ANSWER = "The lamp was lit in 1906."
TEXTS = [
    ("chat", f"[[ ## answer ## ]] {ANSWER} [[ ## completed ## ]]"),
    ("chat", f"[[ ## answer ## ]]{ANSWER}\n[[ ## completed ## ]]"),
    ("chat", f"  [[ ## answer ## ]]\n  {ANSWER}\n\n  [[ ## completed ## ]]"),
    ("chat", f"\t[[ ## answer ## ]]\n\t{ANSWER}"),
    ("chat", f"    [[ ## answer ## ]] {ANSWER}"),
    ("chat", f"**[[ ## answer ## ]]**\n{ANSWER}"),
    ("chat", f"[[ ## Answer ## ]]\r\n{ANSWER}\r\n"),
    ("chat", f'```json\n{{"answer": "{ANSWER}"}}\n```'),
    ("json", f"[[ ## answer ## ]]\n{ANSWER}\n\n[[ ## completed ## ]]"),
    ("json", f'{{"answer": ["{ANSWER}"]}}'),
    ("json", f'{{"Answer": "{ANSWER}",}}'),
    ("json", f"{{'answer': '{ANSWER}'}}"),
    ("json", f'Here is the JSON:\n```json\n{{"answer": "{ANSWER}"}}\n```\nI hope that helps.'),
    ("json", f'<think>\n{{"answer": "no"}}\n</think>\n{{"answer": "{ANSWER}"}}'),
    ("compact", f"Sure! Here is the answer:\n\n{ANSWER}"),
    ("compact", f"**Answer:** {ANSWER}"),
    ("compact", f"[[ ## answer ## ]]\n{ANSWER}"),
    ("compact", f'{{"answer": "{ANSWER}"}}'),
    ("compact", f"```\n{ANSWER}\n```"),
    ("compact", f"<think>\n\nHm.\n\n</think>\n\n{ANSWER}"),
    ("compact", f"<answer>{ANSWER}</answer>"),
    ("plain", f"Hm. Answer: no.</think>\n{ANSWER}"),
    (
        "plain",
        f"<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>",
    ),
    ("plain", f"<|im_start|>assistant\n{ANSWER}<|im_end|>\n<|im_start|>user\nmore"),
    ("chat", f"Here is the reply:\n[[ ## note ## ]]\nThe lamp.\n[[ ## answer ## ]]\n{ANSWER}"),
    ("chat", f"[[ ## note ## ]]\nThe lamp.\n[[ ## answer ## ]]\n{ANSWER}"),
    ("json", f'&lt;think&gt;{{"answer": "no"}}&lt;/think&gt;{{"answer": "{ANSWER}"}}'),
    ("plain", f"analysisThe user asks.assistantfinal{ANSWER}"),
]


@pytest.mark.parametrize(("form", "reply"), TEXTS)
def test_a_text_is_read_in_the_ways_models_write_it(form: str, reply: str) -> None:
    assert read(form, "text", reply) == {"answer": ANSWER}


REFUSED = [
    ("json", '{"answer": ["a", "b"]}'),
    ("json", '{"answer": []}'),
    ("json", '{"answer": [["a"]]}'),
    ("json", '{"answer": {"text": "a"}}'),
    ("json", '{"answer": null}'),
    ("json", '{"answer": 4}'),
    ("json", '{"answer": true}'),
    ("json", '{"answer": ""}'),
    ("json", '{"answer": "a", "answer": "b"}'),
    ("json", '{"answer": "He said "yes" to it"}'),
    ("json", '{"answer": "a"'),
    ("json", '{"answer": "a"} {"answer": "b"}'),
    ("chat", "It opened."),
    ("chat", "[[ ## answer ## ]]\n[[ ## answer"),
    ("chat", "[[ ## answer ## ]]\n]] a"),
    ("chat", '[[ ## answer ## ]]\n{"answer": "a"}'),
    ("chat", "<think>The answer is [[ ## answer ## ]]\na"),
    ("chat", "Respond with the field `[[ ## answer ## ]]`, then end with the marker for `[[ ## completed ## ]]`."),
    ("chat", "# note: the field `[[ ## answer ## ]]` must be short\n# and true"),
    ("json", '{"answer": "{answer}"}'),
    ("compact", "The lamp was lit.\nOutput: The lamp"),
    ("compact", "<answer/>"),
    ("compact", "The lamp <think>was it?"),
    ("compact", "a</think>b</think>c"),
    ("compact", "I read it.\n\nAnswer: a"),
    ("plain", "<think>a"),
    ("plain", "```python\na"),
    ("plain", "It was lit.\n\n[[ ## note ## ]]\nAnother note.\n\n[[ ## answer ## ]]\nAnother answer."),
    ("chat", "It was lit.\n[[ ## note ## ]]\nAnother note.\n[[ ## answer ## ]]\nAnother answer."),
    ("json", "It was lit. [[ ## completed ## ]]\n\n[[ ## answer ## ]]\nAnother answer."),
    ("json", '&lt;think&gt;{"answer": "a"}&lt;/think&gt; I do not know.'),
]


@pytest.mark.parametrize(("form", "reply"), REFUSED)
def test_what_is_no_text_for_certain_is_unreadable(form: str, reply: str) -> None:
    assert read(form, "text", reply) is None


LISTS = [
    '["a b", "c d"]',
    "1. a b\n2. c d",
    "- a b\n- c d",
    '```json\n["a b", "c d"]\n```',
    "Here they are:\n\n1. a b\n\n2. c d",
]
LISTS += ["['a b', 'c d']", '["a b", "c d",]', "1) a\n   b\n2) c d", "1. a b\n2. c d\n\nI hope that helps."]


@pytest.mark.parametrize("form", SEEKING)
@pytest.mark.parametrize("text", LISTS)
def test_a_list_is_read_in_the_ways_models_write_it(form: str, text: str) -> None:
    for reply in written(form, "points", text):
        assert read(form, "list", reply) == {"points": ["a b", "c d"]}, reply


@pytest.mark.parametrize(
    "text", ['["a", "b"', '[{"point": "a"}]', '{"a": "b"}', '"a",\n"b"', "1. a\nb\n2. c", "Points:", "[1, 2]"]
)
@pytest.mark.parametrize("form", SEEKING)
def test_what_is_no_list_for_certain_is_none(form: str, text: str) -> None:
    assert [read(form, "list", reply) for reply in written(form, "points", text)] == [None] * 2
