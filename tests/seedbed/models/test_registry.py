"""Teachers over an endpoint: which failures end the work, what is sent for a format, and where the key never is."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dspy
import pytest
from support.hostile import Hostile, dead_port, says, status

from programs.core.background import run_sync
from programs.core.step import Step
from seedbed.config.models import ModelEntry
from seedbed.errors import TeacherDown, UserError
from seedbed.models.engines.provider import addresses
from seedbed.models.lm import FAILED_CALLS, TeacherLM
from seedbed.models.registry import teacher
from seedbed.storage.journal import Journal

KEY = "sk-hunter2-hunter2"
Far = Callable[..., TeacherLM]
pytestmark = pytest.mark.usefixtures("waits")


@pytest.fixture
def far(server: Hostile, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Far]:
    """Makes teachers on the server, with other settings where asked, and closes them."""
    made: list[TeacherLM] = []

    def make(key: str = KEY, **entry: Any) -> TeacherLM:
        monkeypatch.setenv("TEST_KEY", key)
        settings = {"api_base": server.base, "api_key": "$TEST_KEY", "timeout": 1.0} | entry
        made.append(teacher("far", ModelEntry(model="m", **settings), journal, Path()))
        return made[-1]

    yield make
    for one in made:
        run_sync(one.async_engine.aclose())


def told(one: TeacherLM) -> Any:
    return run_sync(one.acall("Say something."))


def test_a_dead_port_means_the_teacher_is_down(far: Far) -> None:
    with pytest.raises(TeacherDown, match="cannot connect to http://127"):
        told(far(api_base=dead_port()))


def test_a_wrong_key_means_the_teacher_is_down(server: Hostile, far: Far) -> None:
    server.plan(status(401, "invalid key"))
    with pytest.raises(TeacherDown, match=r"far: .*invalid key"):
        told(far())


def test_a_refusal_that_repeats_the_key_is_shown_without_it(server: Hostile, far: Far) -> None:
    server.plan(status(401, f"Incorrect API key provided: {KEY}."))
    with pytest.raises(TeacherDown) as raised:
        told(far())
    assert KEY not in f"{raised.value} {raised.value.hint}"


def test_the_key_is_in_no_byte_of_the_journal(far: Far, tmp_path: Path) -> None:
    told(far())
    assert not [path for path in tmp_path.iterdir() if KEY.encode() in path.read_bytes()]


def test_a_key_with_a_line_end_is_a_mistake_and_not_shown(far: Far) -> None:
    with pytest.raises(UserError) as raised:
        told(far(key=f"{KEY}\nX-Other: 1"))
    assert KEY not in str(raised.value)


def test_spaces_around_a_key_are_not_sent(server: Hostile, far: Far) -> None:
    told(far(key=f" {KEY}\r\n"))
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_a_server_that_keeps_failing_is_down_after_some_calls(server: Hostile, far: Far) -> None:
    server.plan(status(500))
    one, ends = far(), []
    for _ in range(FAILED_CALLS):
        with pytest.raises((dspy.utils.exceptions.LMServerError, TeacherDown)) as raised:
            told(one)
        ends.append(raised.type is TeacherDown)
    assert ends == [False] * (FAILED_CALLS - 1) + [True]


@pytest.mark.parametrize("limits", [{"rpm": 300}, {"tpm": 150_000, "max_tokens": 500}], ids=str)
def test_a_model_is_asked_no_more_a_minute_than_its_entry_says(far: Far, limits: dict[str, Any]) -> None:
    one, began = far(**limits), time.monotonic()
    for number in range(4):
        run_sync(one.acall(f"Say {number}."))
    assert time.monotonic() - began > 0.4  # a fifth of a second apart, of which a tenth may be caught up


def test_the_json_format_asks_for_a_schema(server: Hostile, far: Far) -> None:
    server.plan(says('{"answer": "4"}'))
    with dspy.context(lm=far()):
        run_sync(Step(dspy.Signature("question -> answer"), format="json").acall(question="2 + 2?"))
    asked = server.bodies[0]["response_format"]
    assert (asked["type"], asked["json_schema"]["schema"]["required"]) == ("json_schema", ["answer"])


def test_a_server_that_enforces_no_schema_is_asked_for_none(server: Hostile, far: Far) -> None:
    server.plan(says('{"answer": "4"}'))
    with dspy.context(lm=far(schema_enforced=False)):
        run_sync(Step(dspy.Signature("question -> answer"), format="json").acall(question="2 + 2?"))
    assert "response_format" not in server.bodies[0]


@pytest.mark.parametrize("name", ["OPENAI_API_BASE", "OPENAI_BASE_URL"])
def test_a_reply_is_that_of_the_address_the_environment_names(
    server: Hostile, journal: Journal, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TEST_KEY", KEY)
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # else it is fetched over the network
    entry = ModelEntry(model="openai/gpt-4o-mini", api_key="$TEST_KEY", timeout=5)
    for place in ("one", "other", "one"):
        monkeypatch.setenv(name, server.base.replace("/v1", f"/{place}/v1"))
        lm = teacher("far", entry, journal, Path())
        told(lm)
        run_sync(lm.async_engine.aclose())
    assert [path.split("/")[1] for path in server.paths] == ["one", "other"]


@pytest.mark.parametrize(
    ("model", "name", "counts"),
    [
        ("azure/gpt-4o", "AZURE_OPENAI_ENDPOINT", True),
        ("azure/gpt-4o", "AZURE_API_BASE", True),
        ("anthropic/claude-sonnet-4-5", "ANTHROPIC_BASE_URL", True),
        ("bedrock/x", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME", True),
        ("watsonx/x", "WATSONX_URL", True),
        ("ollama/x", "OLLAMA_API_BASE", True),
        ("ollama_chat/x", "OLLAMA_API_BASE", True),
        ("hosted_vllm/x", "HOSTED_VLLM_API_BASE", True),
        ("meta_llama/x", "LLAMA_API_BASE", True),
        ("friendliai/x", "FRIENDLI_API_BASE", True),
        ("lambda_ai/x", "LAMBDA_API_BASE", True),
        ("fireworks_ai/x", "FIREWORKS_API_BASE", True),
        ("featherless_ai/x", "FEATHERLESS_API_BASE", True),
        ("azure_ai/x", "AZURE_API_BASE", True),
        ("azure_ai/x", "AZURE_AI_API_BASE", True),
        ("bedrock/x", "ANTHROPIC_AWS_BASE_URL", True),
        ("sagemaker_chat/x", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", True),
        ("cohere_chat/x", "COHERE_API_BASE", True),
        ("chatgpt/x", "OPENAI_CHATGPT_API_BASE", True),
        ("volcengine/x", "ARK_API_BASE", True),
        ("vertex_ai_beta/x", "VERTEXAI_API_BASE", True),
        ("watsonx_text/x", "WML_URL", True),
        ("scx-ai/x", "SCX_API_BASE", True),
        ("text-completion-openai/x", "OPENAI_BASE_URL", True),
        ("meta_llama/x", "OPENAI_API_BASE", False),
        ("anthropic/claude-sonnet-4-5", "OPENAI_API_BASE", False),
        ("openai/gpt-4o-mini", "OPENAI_API_KEY", False),
    ],
)
def test_what_counts_as_a_providers_address(
    monkeypatch: pytest.MonkeyPatch, model: str, name: str, counts: bool
) -> None:
    before = addresses(model)
    monkeypatch.setenv(name, "http://sk-secret@somewhere/v1")
    assert (addresses(model) != before) is counts


def test_a_provider_string_goes_through_dspys_own_client(server: Hostile) -> None:
    from dspy import lm15

    from programs.core.background import run_sync
    from seedbed.models.engines.provider import ProviderEngine

    async def ask() -> str:
        engine = ProviderEngine("openai/gpt-4o-mini", concurrency=2, timeout=5, api_key="k", api_base=server.base)
        try:
            request = lm15.Request(model="seedbed/strong", messages=(lm15.Message.user("Say something."),))
            return (await engine.complete(request)).message.text or ""
        finally:
            await engine.aclose()

    assert run_sync(ask()) == "fine"
