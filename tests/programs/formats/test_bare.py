"""The bare format: the input is the prompt, and the whole reply is the field."""

from typing import Any

import dspy
import pytest
from dspy.utils.exceptions import AdapterParseError
from hypothesis import given
from hypothesis import strategies as st
from support.asked import Echo

from programs.core.background import run_sync
from programs.core.step import Step
from seedbed.models.lm import TeacherLM


class Ask(dspy.Signature):
    """Never shown."""

    system: str = dspy.InputField()
    prompt: str = dspy.InputField(desc="never shown")
    reply: str = dspy.OutputField(desc="never shown")


DEMOS = [dspy.Example(system="never shown", prompt="1 + 1?", reply="2")]


def asked(engine: Echo, demos: list[dspy.Example] = [], **inputs: str) -> str:  # noqa: B006 - not changed
    step = Step(Ask, "bare", max_tokens=9)
    step.demos = demos
    with dspy.context(lm=TeacherLM("echo", engine), disable_history=True):
        return str(run_sync(step.acall(**inputs)).reply)


def turns(engine: Echo) -> list[tuple[str, str | None]]:
    return [(message.role, message.text) for message in engine.asked[-1].messages]


@given(prompt=st.text(min_size=1), system=st.text())
def test_the_values_are_the_messages_unchanged(prompt: str, system: str) -> None:
    engine = Echo("so")
    assert asked(engine, system=system, prompt=prompt) == "so"
    assert turns(engine) == [("user", prompt)]
    assert engine.asked[-1].system == (system or None)


def test_demos_are_turns() -> None:
    engine = Echo("4")
    asked(engine, DEMOS, system="Be brief.", prompt="2 + 2?")
    assert turns(engine) == [("user", "1 + 1?"), ("assistant", "2"), ("user", "2 + 2?")]
    assert engine.asked[-1].system == "Be brief."


@pytest.mark.parametrize(
    "reply",
    [
        "```python\nprint(1)\n```",
        '"quoted"',
        '{"reply": "x"}',
        "Reply: x\n\nPrompt: y",
        "[[ ## reply ## ]]\nx",
        "{reply}",
    ],
)
def test_what_the_model_says_is_the_field(reply: str) -> None:
    assert asked(Echo(f"\n {reply}\n\n"), system="", prompt="Speak.") == reply


def test_thoughts_are_no_part_of_it() -> None:
    assert asked(Echo("<think>Hm.</think>\n\nso"), system="", prompt="Speak.") == "so"
    with pytest.raises(AdapterParseError):
        asked(Echo(" \n "), system="", prompt="Speak.")


def test_a_model_without_a_chat_template_continues_the_texts() -> None:
    engine = Echo("4", chats=False)
    assert asked(engine, DEMOS, system="Be brief.", prompt="2 + 2?") == "4"
    assert engine.continued == [True]
    assert turns(engine) == [("user", "Be brief.\n\n1 + 1?\n\n2\n\n2 + 2?\n\n")]
    assert engine.asked[-1].config.stop == ("\n\n",)


@pytest.mark.parametrize("fields", ["a, b -> c", "a -> b, c", "a -> b: int", "system -> b"])
def test_a_signature_that_does_not_fit_is_refused_at_once(fields: str) -> None:
    signature: Any = dspy.Signature(fields)
    with pytest.raises(ValueError, match="cannot be asked bare"):
        Step(signature, "bare")
