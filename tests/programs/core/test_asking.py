"""What a program may ask: several replies to one call, the models of a panel, a judge, and a second time."""

from typing import Any

import dspy
import pytest
from dspy import lm15
from hypothesis import given
from hypothesis import strategies as st
from support.asked import Echo

from programs.core.background import run_sync
from programs.core.outputs import Outputs
from programs.core.program import DRAWS, Program
from programs.core.row import Candidate, Drop, Exchange
from programs.core.step import Step
from programs.core.tools import Member, using
from programs.core.verdict import Verdict
from seedbed.models.call_context import Scope
from seedbed.models.lm import TeacherLM
from signatures.variants import also


@also("Say what the note says.")
class Say(dspy.Signature):
    """Say it."""

    prompt: str = dspy.InputField()
    saying: str = dspy.OutputField()


class Speaker(Program):
    """Says one thing, bare."""

    def __init__(self, **config: Any) -> None:
        super().__init__()
        self.say = Step(Say, "bare", **config)


def sampled(
    engine: Echo, n: int, *, draw: int = 0, temperature: float = 0.0, program: Program | None = None
) -> list[Outputs | Drop]:
    lm, row = TeacherLM("echo", engine, temperature=temperature, max_tokens=9), Exchange()
    with dspy.context(lm=lm), using(draw=draw), Scope("row", draw).open():
        replies = run_sync((program or Speaker()).sample(row, "say", n, prompt="Speak."))
    assert row.dropped is None
    return replies


def temperatures(engine: Echo) -> set[float | None]:
    return {request.config.temperature for request in engine.asked}


def test_samples_are_sampled_draws_of_their_own() -> None:
    engine = Echo("a", "b", "c")
    assert sampled(engine, 3) == [{"saying": "a"}, {"saying": "b"}, {"saying": "c"}]
    assert len(set(engine.draws)) == 3
    assert temperatures(engine) == {0.7}


def test_a_reply_that_cannot_be_read_is_a_drop_among_the_samples() -> None:
    said, blank, again = sampled(Echo("a", " ", "c"), 3)
    assert (said, again) == ({"saying": "a"}, {"saying": "c"})
    assert isinstance(blank, Drop)
    assert (blank.step, blank.reason) == ("say", "unreadable reply")


def test_no_sample_is_no_call() -> None:
    engine = Echo("a")
    assert sampled(engine, 0) == []
    assert not engine.asked


def test_the_only_sample_of_a_first_draw_is_the_plain_call() -> None:
    engine = Echo("a")
    sampled(engine, 1)
    assert (engine.draws, temperatures(engine)) == ([0], {0.0})


@pytest.mark.parametrize("n", [1, 2])
def test_a_warmer_model_stays_as_warm(n: int) -> None:
    engine = Echo("a")
    sampled(engine, n, draw=1, temperature=1.1)
    assert temperatures(engine) == {1.1}


@pytest.mark.parametrize(("n", "draw"), [(1, 0), (1, 2), (3, 0), (3, 2)])
def test_what_the_step_sets_goes_before_the_rule(n: int, draw: int) -> None:
    engine = Echo("a")
    sampled(engine, n, draw=draw, program=Speaker(temperature=0.2, top_p=0.5))
    assert {(request.config.temperature, request.config.top_p) for request in engine.asked} == {(0.2, 0.5)}


@given(
    st.lists(st.tuples(st.integers(0, DRAWS - 1), st.integers(2, 5)), min_size=2, max_size=5, unique_by=lambda x: x[0])
)
def test_no_sample_of_a_draw_is_one_of_another_draw(calls: list[tuple[int, int]]) -> None:
    engine = Echo("a")
    for draw, n in calls:
        sampled(engine, 1, draw=draw)
        sampled(engine, n, draw=draw)
    assert len(set(engine.draws)) == len(engine.draws)


def test_a_member_of_the_panel_is_asked_instead_of_the_teacher() -> None:
    teacher, other = Echo("teacher"), Echo("other")
    member = Member("other", TeacherLM("other", other))
    with dspy.context(lm=TeacherLM("teacher", teacher)), using(panel=(member,), draw=1):
        assert Speaker().panel() == (member,)
        assert run_sync(Speaker().ask(Exchange(), "say", lm=member.lm, prompt="Speak.")) == {"saying": "other"}
    assert not teacher.asked
    assert temperatures(other) == {0.7}


def test_without_a_panel_the_teacher_is_it() -> None:
    lm = TeacherLM("teacher", Echo("a"))
    with dspy.context(lm=lm):
        assert Speaker().panel() == (Member("teacher", lm),)


def test_a_program_asks_a_judge_by_its_aspect() -> None:
    async def judged(aspect: str, row: Candidate) -> Verdict:
        return Verdict(score=1.0, reason=f"{aspect} than {row.prompt}")

    with using(judge_row=judged):
        assert run_sync(Speaker().judge("harder", Exchange(asked="before"))).reason == "harder than before"
    with pytest.raises(RuntimeError, match="no judge to ask for 'harder'"):
        run_sync(Speaker().judge("harder", Exchange()))


class Noted(Exchange):
    """A row whose prompt is what the step reads."""


class Told(Exchange):
    """A row with what the step says."""

    saying: str = ""


DROP = Drop(step="gate", reason="low score")


class TwoWays(Program):
    """Says one thing, in another wording the second time."""

    def __init__(self, signature: type[dspy.Signature] = Say) -> None:
        super().__init__()
        self.say = Step(signature)


def test_a_step_is_asked_again_in_other_words_on_what_the_row_says() -> None:
    engine, row = Echo("[[ ## saying ## ]]\nso", "mumble"), Noted(asked="The note.")
    with dspy.context(lm=TeacherLM("echo", engine)):
        assert run_sync(TwoWays().again("say", row)) == "so"
        assert run_sync(TwoWays().again("say", row)) is None
    assert row.dropped is None
    assert "Say what the note says." in (engine.asked[0].system or "")
    assert "The note." in (engine.asked[0].messages[0].text or "")


@pytest.mark.parametrize("n", [1, 3])
def test_a_row_has_other_replies_of_its_step_which_are_sampled_and_readable(n: int) -> None:
    engine, row = Echo(*["[[ ## saying ## ]]\nso"] * n), Told(asked="The note.", saying="before", dropped=DROP)
    with dspy.context(lm=TeacherLM("echo", engine, temperature=0.0)), Scope("row").open():
        rows = run_sync(TwoWays().resample("say", row, n))
    assert rows == [Told(asked="The note.", saying="so")] * n
    assert row.saying == "before"
    assert temperatures(engine) == {0.7}
    with dspy.context(lm=TeacherLM("echo", Echo(*["mumble"] * n))), Scope("row").open():
        assert run_sync(TwoWays().resample("say", row, n)) == []


def test_a_step_of_one_wording_cannot_be_asked_again() -> None:
    with pytest.raises(RuntimeError, match="StringSignature has one wording only"):
        run_sync(TwoWays(dspy.Signature("prompt -> saying")).again("say", Noted()))


class Thinking(Echo):
    """Thinks before it speaks, and tells its thoughts apart; `finish` is why it ends."""

    finish: Any = "stop"

    async def complete(self, request: lm15.Request) -> lm15.Response:
        response = await super().complete(request)
        parts = (lm15.ThinkingPart("Hm."), *response.message.parts)
        message = lm15.Message(role="assistant", parts=parts)
        return lm15.Response(id=None, model="m", message=message, finish_reason=self.finish, usage=response.usage)


def outputs(engine: Echo) -> Outputs:
    with dspy.context(lm=TeacherLM("echo", engine), disable_history=True):
        reply = run_sync(Speaker().ask(Exchange(), "say", prompt="Speak."))
    assert reply is not None
    return reply


def test_a_program_learns_how_a_reply_ended_and_what_was_thought() -> None:
    reply = outputs(Thinking("so"))
    assert (reply, reply.finish_reason, reply.thinking) == ({"saying": "so"}, "stop", "Hm.")
    assert outputs(Echo("<think>Well, well.</think>\n\nso")).thinking == "Well, well."
    plain = outputs(Echo("so"))
    assert (plain.finish_reason, plain.thinking) == ("stop", "")


def test_a_model_that_does_not_tell_how_it_ended_is_not_made_to() -> None:
    reply = Outputs(saying="so")
    assert (reply.finish_reason, reply.thinking) == ("", "")


def test_a_reply_that_is_cut_off_is_a_drop_that_says_so() -> None:
    engine = Thinking("so")
    engine.finish = "length"
    (cut,) = sampled(engine, 1)
    assert isinstance(cut, Drop)
    assert cut.reason == "cut off at max_tokens"
