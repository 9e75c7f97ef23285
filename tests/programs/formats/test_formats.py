"""Message formats and steps: what is written is read back, and a compiled step remembers how it asks."""

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import dspy
import numpy as np
import numpy.typing as npt
import pytest
from dspy import lm15
from dspy.utils.exceptions import AdapterParseError
from hypothesis import given
from hypothesis import strategies as st

from programs.core.background import run_sync
from programs.core.step import Step
from programs.core.tools import using
from programs.formats.compact import CompactAdapter
from programs.formats.formats import FORMATS, formats_to_judge
from seedbed.models.engines.engine import Shared, continuing
from seedbed.models.lm import TeacherLM
from signatures.variants import LINE, line


class Reviewed(dspy.Signature):
    """Read the note.
    Then review it."""

    note: str = dspy.InputField()
    long_title: str = dspy.OutputField()
    points: list[str] = dspy.OutputField()
    grade: Literal[1, 2, 3] = dspy.OutputField()
    verdict: Literal["yes", "no"] = dspy.OutputField()
    sure: bool = dspy.OutputField()


class Asked(dspy.Signature):
    """Answer."""

    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


COMPACT = CompactAdapter()
WORDS = st.text(alphabet="abc é.,?()1-'", min_size=1, max_size=20).map(lambda text: " ".join(f"x{text}".split()))
VALUES = st.fixed_dictionaries(
    {
        "long_title": WORDS,
        "points": st.lists(WORDS, min_size=1, max_size=4),
        "grade": st.sampled_from([1, 2, 3]),
        "verdict": st.sampled_from(["yes", "no"]),
        "sure": st.booleans(),
    }
)


def block(values: dict[str, Any]) -> tuple[str, str]:
    """A demo as a prompt shows it, cut at the place from which the model continues."""
    content = COMPACT.format(Reviewed, [{"note": "n", **values}], {"note": "m"})[0]["content"]
    before, after = content.split("\n\n")[1].split("Long title:")
    return before, after


@given(VALUES)
def test_a_continued_block_is_read_back(values: dict[str, Any]) -> None:
    assert COMPACT.parse(Reviewed, block(values)[1]) == values


@given(VALUES)
def test_a_block_with_its_first_label_is_read_back(values: dict[str, Any]) -> None:
    assert COMPACT.parse(Reviewed, f"Long title:{block(values)[1]}\n\nNote: another") == values


def test_the_prompt_is_one_message_that_ends_where_the_reply_begins() -> None:
    messages = COMPACT.format(Asked, [{"question": "a?", "answer": "b"}], {"question": "c?"})
    prompt = "Answer.\n\nQuestion: a?\nAnswer: b\n\nQuestion: c?\nAnswer:"
    assert messages == [{"role": "user", "content": prompt}]


@pytest.mark.parametrize(
    ("reply", "points"),
    [
        ("1. one\n2. two", ["one", "two"]),
        ("1) one\n2) two", ["one", "two"]),
        ("- one\n* two", ["one", "two"]),
        ("one\n\ttwo", ["one", "two"]),
        ("1. 1.5 litres\n2. -4 degrees", ["1.5 litres", "-4 degrees"]),
        ("1.5 litres\n-4 degrees", ["1.5 litres", "-4 degrees"]),
    ],
)
def test_lists_are_read_in_the_ways_models_write_them(reply: str, points: list[str]) -> None:
    assert COMPACT.parse(dspy.Signature("note -> points: list[str]"), reply) == {"points": points}


@pytest.mark.parametrize("reply", ["yes", "Yes.", " YES, it does", '"yes"', "Verdict: yes"])
def test_a_decision_is_read_in_the_ways_models_write_it(reply: str) -> None:
    signature = Asked.delete("answer").append("verdict", dspy.OutputField(), Literal["yes", "no"])
    assert COMPACT.parse(signature, reply) == {"verdict": "yes"}


@pytest.mark.parametrize(
    "reply",
    ["", "a title", "Points: 1. a", "t\nPoints: a\nGrade: 4\nVerdict: yes\nSure: true", "t\nPoints:\nGrade: 1"],
    ids=["nothing", "one field", "another field", "a value that is none", "an empty field"],
)
def test_what_cannot_be_read_is_a_parse_error(reply: str) -> None:
    with pytest.raises(AdapterParseError):
        COMPACT.parse(Reviewed, reply)


class Echo(Shared):
    """An engine that keeps each request and whether it was to be continued. It says what every format can read."""

    identity, enforces_schema, concurrency = "echo", True, 1

    def __init__(self, continues: bool = False, says: str = "four") -> None:
        self.continues, self.says = continues, says
        self.heard: list[tuple[lm15.Request, bool]] = []

    async def complete(self, request: lm15.Request) -> lm15.Response:
        self.heard.append((request, continuing()))
        return lm15.Response(
            id=None,
            model=request.model,
            message=lm15.Message.assistant(self.says),
            finish_reason="stop",
            usage=lm15.Usage(),
        )

    async def aclose(self) -> None:
        pass


def asked(step: Step, engine: Echo, **settings: Any) -> tuple[lm15.Request, bool]:
    with dspy.context(lm=TeacherLM("echo", engine), **settings):
        run_sync(step.acall(question="2 + 2?"))
    return engine.heard[-1]


class AskedInALine(Asked):
    """Answer."""

    answer: str = line("a few words")


def test_a_reply_that_is_a_line_ends_with_it() -> None:
    request, _ = asked(Step(AskedInALine, format="compact"), Echo(True))
    assert request.config.stop == ("\n", " Question:")
    reworded = Step(AskedInALine.with_instructions("Say it."), format="compact")
    assert asked(reworded, Echo(True))[0].config.stop == ("\n", " Question:")


def test_a_step_from_its_file_ends_its_replies_as_the_one_that_was_saved() -> None:
    saved, loaded = Step(AskedInALine, format="compact"), Step(AskedInALine)
    loaded.load_state(json.loads(json.dumps(saved.dump_state())))
    assert asked(loaded, Echo(True))[0].config.stop == ("\n", " Question:")


def test_a_line_ends_before_the_inputs_nearest_to_it_and_no_request_has_more_than_four_stop_texts() -> None:
    signature = dspy.Signature("first, second, third, fourth -> line").with_updated_fields("line", **{LINE: True})
    step, inputs = Step(signature, format="compact"), dict.fromkeys(signature.input_fields, "x")
    engine = Echo(True)
    with dspy.context(lm=TeacherLM("echo", engine)):
        run_sync(step.acall(**inputs))
    assert engine.heard[-1][0].config.stop == ("\n", " Second:", " Third:", " Fourth:")


@pytest.mark.parametrize("continues", [True, False])
def test_the_compact_format_continues_only_where_the_model_can(continues: bool) -> None:
    request, continued = asked(Step(Asked, format="compact"), Echo(continues))
    assert (continued, tuple(request.config.stop or ())) == (continues, ("\n\n",) if continues else ())


def test_other_formats_never_continue() -> None:
    reply = "[[ ## answer ## ]]\nfour\n\n[[ ## completed ## ]]"
    assert asked(Step(Asked, format="chat"), Echo(continues=True, says=reply))[1] is False


@pytest.mark.parametrize("format", ["chat", "json"])
def test_an_unreadable_reply_is_asked_for_once(format: str) -> None:
    engine = Echo(says="no structure at all")
    with pytest.raises(AdapterParseError):
        asked(Step(Asked, format=format), engine)
    assert len(engine.heard) == 1


@pytest.mark.parametrize("format", FORMATS)
def test_a_saved_step_keeps_its_format_and_its_nearest(tmp_path: Path, format: str) -> None:
    step, again = Step(Asked, format=format), Step(Asked)
    step.nearest = 2
    step.save(tmp_path / "step.json")
    again.load(tmp_path / "step.json")
    assert (again.format, again.nearest) == (format, 2)


def test_a_saved_step_keeps_its_wording_and_its_demos(tmp_path: Path) -> None:
    step, again = Step(Asked), Step(Asked)
    step.signature = step.signature.with_instructions("Answer in French.")
    step.demos = [dspy.Example(question="a?", answer="b")]
    step.save(tmp_path / "step.json")
    again.load(tmp_path / "step.json")
    assert (again.signature.instructions, dict(again.demos[0])) == (
        "Answer in French.",
        {"question": "a?", "answer": "b"},
    )


def test_an_unknown_format_is_refused() -> None:
    state = Step(Asked).dump_state() | {"format": "xml"}
    with pytest.raises(ValueError, match="message format 'xml' is not one of chat, json, compact, plain"):
        Step(Asked).load_state(state)


def embed(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """A number as a direction: near numbers are near."""
    angles = np.array([float(text) / 10 for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def shown(nearest: int, **context: Any) -> list[str]:
    step = Step(Asked)
    step.nearest, step.demos = nearest, [dspy.Example(question=n, answer="x") for n in ("9", "1", "4", "7", "2")]
    with using(**context):
        return [demo.question for demo in step.shown({"question": "5"})]


def test_the_nearest_demos_are_shown_and_the_last_is_nearest() -> None:
    assert shown(3, embed=embed) == ["2", "7", "4"]


def test_without_an_embedder_the_first_demos_are_shown() -> None:
    assert shown(2) == ["9", "1"]


@pytest.mark.parametrize("nearest", [0, 5, 9])
def test_where_all_demos_fit_they_keep_their_order(nearest: int) -> None:
    assert shown(nearest, embed=embed) == ["9", "1", "4", "7", "2"]


def test_the_demos_shown_are_the_ones_that_are_sent() -> None:
    step = Step(Asked, format="compact")
    step.demos = [dspy.Example(question=f"demo {n}?", answer=str(n)) for n in range(3)]
    request, _ = asked(step, Echo())
    assert [f"demo {n}?" in str(request.messages[0].text) for n in range(3)] == [True] * 3


# plain


class Sure(dspy.Signature):
    """Say whether
    it holds."""

    note: str = dspy.InputField()
    verdict: Literal["yes", "no"] = dspy.OutputField(desc="Reply with yes or no.")


def test_plain_is_a_talk_in_the_models_own_roles_that_ends_in_what_is_wanted() -> None:
    demo = dspy.Example(note="b", verdict="no")
    assert FORMATS["plain"].format(Sure, [demo], {"note": "a"}) == [
        {"role": "system", "content": "Say whether it holds."},
        {"role": "user", "content": "Note: b\n\nReply with yes or no."},
        {"role": "assistant", "content": "no"},
        {"role": "user", "content": "Note: a\n\nReply with yes or no."},
    ]


def test_plain_names_no_field_whose_description_nobody_wrote() -> None:
    assert FORMATS["plain"].format(Asked, [], {"question": "2 + 2?"})[-1]["content"] == "Question: 2 + 2?"


@pytest.mark.parametrize("reply", ["yes", " Yes.", "Yes, it does.", "YES\n\nsince"])
def test_a_plain_decision_is_the_first_word(reply: str) -> None:
    assert FORMATS["plain"].parse(Sure, reply) == {"verdict": "yes"}


@pytest.mark.parametrize("reply", ["", "  ", "It does, yes.", "yesterday"])
def test_what_decides_nothing_is_unreadable(reply: str) -> None:
    with pytest.raises(AdapterParseError):
        FORMATS["plain"].parse(Sure, reply)


def test_a_plain_text_is_the_whole_reply() -> None:
    assert FORMATS["plain"].parse(Asked, "\n four\n\nor so ") == {"answer": "four\n\nor so"}


def test_only_a_signature_with_one_field_can_be_asked_plainly() -> None:
    chats, continues = Echo(continues=True), SimpleNamespace(chats=False)
    assert formats_to_judge(chats, Sure)[0] == "plain"
    assert "plain" not in formats_to_judge(chats, dspy.Signature("note -> reasoning, verdict"))
    assert formats_to_judge(continues, Sure) == ["compact"]
